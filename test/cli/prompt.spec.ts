import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { Interrupted } from '../../src/cli/failure.ts'
import { askSecret } from '../../src/cli/prompt.ts'
import { Screen } from './fake-cli.ts'

describe('askSecret', () => {
  async function typed(keys: string): Promise<{ answer: string; shown: string }> {
    const stdin = new PassThrough()
    const stderr = new Screen()
    const answer = askSecret({ stdin, stderr }, 'Secret: ')
    stdin.write(keys)
    return { answer: await answer, shown: stderr.text }
  }

  it('gives the line and shows nothing of it', async () => {
    assert.deepEqual(await typed('geheim\r'), { answer: 'geheim', shown: 'Secret: \n' })
  })

  it('takes back what is deleted', async () => {
    assert.equal((await typed('gex\u007Fheim\r')).answer, 'geheim')
    assert.equal((await typed('falsch\u0015geheim\r')).answer, 'geheim')
  })

  it('takes letters of all scripts', async () => {
    assert.equal((await typed('žluť 猫\r')).answer, 'žluť 猫')
  })

  for (const [name, key] of [
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ] as const) {
    it(`ends with ${name}`, async () => {
      await assert.rejects(typed(key), Interrupted)
    })
  }
})
