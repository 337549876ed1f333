import assert from 'node:assert/strict'
import { readAhead } from '../../../src/store/backup/read-ahead.ts'

describe('reading ahead', () => {
  const seen: string[] = []

  beforeEach(() => {
    seen.length = 0
  })

  async function* letters(): AsyncGenerator<string> {
    try {
      for (const letter of 'abc') {
        seen.push(`read ${letter}`)
        yield await Promise.resolve(letter)
      }
    } finally {
      seen.push('closed')
    }
  }

  it('has the next piece read while somebody works on this one', async () => {
    for await (const letter of readAhead(letters())) {
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(`done ${letter}`)
    }
    assert.deepEqual(seen, ['read a', 'read b', 'done a', 'read c', 'done b', 'closed', 'done c'])
  })

  it('closes the source when no more is wanted', async () => {
    const pieces = readAhead(letters())
    await pieces.next()
    await pieces.return(undefined)
    assert.deepEqual(seen, ['read a', 'read b', 'closed'])
  })

  it('throws what the source throws, after all that came before', async () => {
    async function* broken(): AsyncGenerator<string> {
      yield* letters()
      throw new Error('the disk is gone')
    }
    const taken: string[] = []
    const reading = async (): Promise<void> => {
      for await (const letter of readAhead(broken())) taken.push(letter)
    }
    await assert.rejects(reading(), /the disk is gone/)
    assert.deepEqual(taken, ['a', 'b', 'c'])
  })
})
