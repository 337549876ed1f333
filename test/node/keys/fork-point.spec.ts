import assert from 'node:assert/strict'
import { forkPoint } from '../../../src/node/keys/fork-point.ts'
import { validateKeyLog } from '../../../src/protocol/key-log.ts'
import { begin, recover, retire, rotate } from '../../helpers/key-branch.ts'
import type { Branch } from '../../helpers/key-branch.ts'

const HOUR_MS = 3_600_000
const MADE_AT = Date.UTC(2026, 10, 21, 9)

/** A log with a rotation at each of these hours after its inception. */
function logOf(...hours: number[]): Branch {
  return hours.reduce(
    (branch, hour) => rotate(branch, `after ${hour} h`, { at: MADE_AT + hour * HOUR_MS }),
    begin('anna'),
  )
}

describe('the fork point of a recovery', () => {
  const cases: [what: string, log: Branch, hours: number, left: number][] = [
    ['is the inception, where there is nothing else', logOf(), 0, 1],
    ['is before what is younger than the window', logOf(1, 2), 3, 1],
    ['is after what is older', logOf(1, 100), 110, 2],
    ['is after all, when all is older', logOf(1, 2), 100, 3],
    ['is before what has just come within the window', logOf(10), 82 - 0.001, 1],
    ['is after what has just left it', logOf(10), 82, 2],
    ['is after a recovery, however young', recover(logOf(1), 'taken back'), 1, 3],
    ['is before a rotation that followed one', rotate(recover(logOf(), 'r'), 'later'), 1, 2],
    ['is before an end, however old', retire(logOf(1)), 1_000, 2],
    ['is before what a clock from the future has made', logOf(1_000), 0, 1],
  ]
  for (const [what, { events }, hours, left] of cases) {
    it(what, () => {
      assert.deepEqual(forkPoint(events, MADE_AT + hours * HOUR_MS), events.slice(0, left))
    })
  }

  it('is none in a log that the recovery key has ended', () => {
    const { events } = retire(logOf(1), 'recovery')
    assert.throws(() => forkPoint(events, MADE_AT), {
      code: 'retired',
      details: { id: validateKeyLog(events).id },
      hint: 'kith init, for a new node in another home',
    })
  })
})
