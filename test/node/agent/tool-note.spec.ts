import assert from 'node:assert/strict'
import { SecretScan } from '../../../src/agent/secret-scan.ts'
import { noteOf } from '../../../src/node/agent/tool-note.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { askOf } from '../../agent/asks.ts'

const KEY = 'canary-0123456789abcdef'

describe('what a log says of a tool that did not do it', () => {
  const scan = new SecretScan(() => [{ kind: 'provider key', value: KEY }])
  const ask = askOf('x')

  function why(cause: unknown): string {
    const record = { ask, call: '1', tool: 'fetch', state: 'failed', cause } as const
    const { why: said = '', ...same } = noteOf(record, (text) => scan.redacted(text))
    assert.deepEqual(same, { ask: ask.id, tool: 'fetch', state: 'failed' })
    return said
  }

  it('has the code and the cause of what was foreseen', () => {
    const cause = new Error('the socket was closed')
    const failure = new KithError('bad-request', 'no answer', { what: 'url' }, { cause })
    assert.equal(why(failure), 'bad-request: no answer; cause: the socket was closed')
  })

  it('has the place of what was not', () => {
    assert.match(why(new TypeError('oops')), /^TypeError: oops at .*tool-note\.spec\.ts/u)
  })

  for (const { said, title } of [
    { title: 'a secret', said: KEY },
    {
      title: 'one with invisible characters in it',
      said: `${KEY.slice(0, 9)}\u200b${KEY.slice(9)}`,
    },
    { title: 'one in a cause', said: new Error('outer', { cause: new Error(KEY) }) },
  ]) {
    it(`has no secret: ${title}`, () => {
      const text = why(said instanceof Error ? said : new Error(said))
      assert.match(text, /\[redacted: provider key\]/u)
      assert.doesNotMatch(text, /canary|0123456789/u)
    })
  }
})
