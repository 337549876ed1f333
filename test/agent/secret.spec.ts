import assert from 'node:assert/strict'
import { format, inspect } from 'node:util'
import { Secret } from '../../src/agent/secret.ts'
import { createLog } from '../../src/node/log.ts'
import { LogTap } from '../helpers/log-tap.ts'

describe('a secret', () => {
  const secret = new Secret('sk-canary')

  it('is given by reveal alone', () => {
    assert.equal(secret.reveal(), 'sk-canary')
  })

  const ways: [what: string, show: () => string][] = [
    ['String', () => String(secret)],
    ['JSON', () => JSON.stringify({ secret })],
    ['inspect', () => inspect({ a: [secret] }, { depth: 9, showHidden: true })],
    ['format', () => format('%s %o %j', secret, secret, secret)],
    ['an error', () => inspect(new Error('no', { cause: secret }))],
    ['its fields', () => JSON.stringify(Object.entries(secret))],
  ]
  for (const [what, show] of ways) {
    it(`is not shown by ${what}`, () => {
      assert.ok(!show().includes('canary'), show())
    })
  }

  it('is not shown by a log', () => {
    const tap = new LogTap()
    createLog('info', tap).info({ key: secret, deep: { key: secret } }, 'here')
    assert.equal(tap.lines[0]?.['key'], '[secret]')
    assert.ok(!JSON.stringify(tap.lines).includes('canary'))
  })

  it('is taken out of a text, wherever it stands', () => {
    assert.equal(secret.scrub('a sk-canary, sk-canary!'), 'a [secret], [secret]!')
    assert.equal(new Secret('').scrub('a text'), 'a text')
  })
})
