import assert from 'node:assert/strict'
import { exitCodeOf } from '../../src/cli/exit-codes.ts'
import type { FailureOrigin } from '../../src/cli/exit-codes.ts'
import { WIRE_CODES } from '../../src/protocol/errors.ts'

const TABLE: [code: string, origin: FailureOrigin, exitCode: number][] = [
  ['usage', 'here', 2],
  ['unreachable', 'here', 3],
  ['connection-lost', 'here', 3],
  ['deadline', 'here', 3],
  ['denied', 'here', 5],
  ['not-pinned', 'here', 5],
  ['unsafe-file', 'here', 5],
  ['daemon-not-running', 'here', 6],
  ['passphrase', 'here', 7],
  ['approval-needed', 'here', 7],
  ['busy', 'here', 75],
  ['stopping', 'here', 75],
  ['locked', 'here', 1],
  ['exists', 'here', 1],
  ['unknown-peer', 'here', 1],
  ['rotation-key-off-host', 'here', 1],
  ['no-rotation', 'here', 1],
  ['rotation-outdated', 'here', 1],
  ['wrong-words', 'here', 1],
  ['key-not-kept', 'here', 1],
  ['retired', 'here', 1],
  ['of a newer node', 'here', 1],
  ['denied', 'self', 5],
  ['deadline', 'self', 1],
  ['bad-request', 'self', 1],
  ['busy', 'self', 75],
  ['denied', 'peer', 4],
  ['frozen', 'peer', 4],
  ['bad-request', 'peer', 4],
  ['of a newer node', 'peer', 4],
  ['toString', 'peer', 4],
  ['deadline', 'peer', 3],
  ['rate-limited', 'peer', 75],
  ['busy', 'peer', 75],
  ['budget-exhausted', 'peer', 75],
  ['approval-needed', 'peer', 7],
  ['interrupted', 'peer', 1],
  ['cancelled', 'peer', 1],
  ['internal', 'peer', 1],
]

describe('exit codes', () => {
  for (const [code, origin, exitCode] of TABLE) {
    it(`${code} from ${origin} is ${exitCode}`, () => {
      assert.equal(exitCodeOf(code, origin), exitCode)
    })
  }

  it('no failure is a success', () => {
    for (const code of Object.keys(WIRE_CODES)) {
      for (const origin of ['here', 'self', 'peer'] as const) {
        assert.notEqual(exitCodeOf(code, origin), 0, `${code} from ${origin}`)
      }
    }
  })
})
