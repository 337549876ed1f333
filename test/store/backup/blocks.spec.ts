import assert from 'node:assert/strict'
import fc from 'fast-check'
import { blocksOf, eachBlock } from '../../../src/store/backup/blocks.ts'
import { piecesOf } from '../../helpers/backup-bytes.ts'

describe('blocks', () => {
  it('are all of one length but the last one, and hold what was given', async () => {
    const bytes = fc.uint8Array({ maxLength: 300 })
    const length = fc.integer({ min: 1, max: 40 })
    await fc.assert(
      fc.asyncProperty(bytes, length, length, async (content, piece, size) => {
        const blocks: Buffer[] = []
        for await (const block of blocksOf(piecesOf(content, piece), size)) {
          blocks.push(Buffer.from(block))
        }
        assert.deepEqual(Buffer.concat(blocks), Buffer.from(content))
        assert.ok(blocks.slice(0, -1).every(({ byteLength }) => byteLength === size))
        assert.ok(blocks.at(-1)?.byteLength !== 0)
      }),
    )
  })

  it('stay as they are while the next one is filled', async () => {
    const blocks = blocksOf(piecesOf(Buffer.from('aabbccdd')), 2)
    const first = (await blocks.next()).value as Uint8Array
    const second = (await blocks.next()).value as Uint8Array
    assert.deepEqual([String(first), String(second)], ['aa', 'bb'])
    await blocks.next()
    assert.equal(String(second), 'bb')
  })

  it('are worked on one at a time, while the next one is filled', async () => {
    const seen: string[] = []
    async function* source(): AsyncGenerator<Uint8Array> {
      for (const letter of 'abc') {
        seen.push(`fill ${letter}`)
        yield Buffer.from(letter)
      }
    }
    await eachBlock(source(), 1, async (block) => {
      const letter = Buffer.from(block).toString()
      seen.push(`take ${letter}`)
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(`done ${letter}`)
      assert.equal(Buffer.from(block).toString(), letter)
    })
    const [a, b, c] = ['a', 'b', 'c'].map((letter) =>
      ['take', 'done'].map((is) => `${is} ${letter}`),
    )
    assert.deepEqual(
      seen.filter((line) => !line.startsWith('fill')),
      [a, b, c].flat(),
    )
    assert.ok(seen.indexOf('fill b') < seen.indexOf('done a'))
  })

  it('end with the first work that fails', async () => {
    let taken = 0
    const failing = eachBlock(piecesOf(Buffer.alloc(10)), 1, async () => {
      taken += 1
      throw new Error('the disk is full')
    })
    await assert.rejects(failing, /the disk is full/)
    assert.equal(taken, 1)
  })
})
