import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isFailure } from '../../src/protocol/errors.ts'
import { judgeKeyLog } from '../../src/protocol/key-log-judge.ts'
import type { HeldKeyLog, Verdict } from '../../src/protocol/key-log-judge.ts'
import { replayKeyLog, validateKeyLog } from '../../src/protocol/key-log.ts'
import type { KeyLogState } from '../../src/protocol/key-log.ts'
import { sha256 } from '../../src/protocol/sha256.ts'
import { begin, recover, retire, rotate } from '../helpers/key-branch.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { hex } from '../vectors/seeds.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 10, 21, 9)

/** What can follow an event, by its owner or by a thief of any of its keys. */
const MOVES: ((before: Branch, name: string) => Branch)[] = [
  (before, name) => rotate(before, `${name}a`),
  (before, name) => rotate(before, `${name}b`, { why: 'compromise' }),
  (before, name) => recover(before, `${name}c`),
  (before, name) => recover(before, `${name}d`),
  (before) => retire(before),
  (before) => retire(before, 'recovery'),
]

/** Every log of one node with up to four events. */
const LOGS = tree(begin('a node'), '', 3).map(({ events }) => events)
const log = fc.constantFrom(...LOGS)

interface Showing {
  shown: Uint8Array[]
  /** Since the one before, in ms: now and then the clock goes back. */
  after: number
}
const showings: fc.Arbitrary<Showing[]> = fc.array(
  fc.record({ shown: log, after: fc.integer({ min: -HOUR, max: 40 * HOUR }) }),
  { minLength: 1, maxLength: 8 },
)

describe('key log, judged, whatever is shown', () => {
  it('keeps what it holds but for what the recovery key has undone in time', () => {
    fc.assert(
      fc.property(showings, (steps) => {
        follow(steps, (before, { kind, held }, { now }) => {
          const kept = before.events.findIndex((event, sn) => !isEqual(event, held.events[sn]))
          if (kept === -1) return
          assert.equal(kind, 'recovered')
          const at = before.seenAt[kept] ?? NaN
          assert.ok(now - at < 72 * HOUR)
          const [undone, instead] = [before, held].map(({ events }) =>
            events.findIndex((_, sn) => sn >= kept && isByRecoveryKey(events, sn)),
          )
          assert.ok(instead !== undefined && instead >= kept)
          // Of two branches that it has both signed, the one that it has signed in the very place.
          assert.ok(undone === -1 || (instead === kept && undone !== kept))
        })
      }),
      { numRuns: 80 },
    )
  })

  it('freezes whenever it was shown two branches, and the recovery key has not decided in time', () => {
    fc.assert(
      fc.property(showings, (steps) => {
        follow(steps, (before, { held, kind, frozen }, { shown }) => {
          const fork = shown.findIndex((event, sn) => !isEqual(event, held.events[sn]))
          const isConfirmed = held.events.some(
            (_, sn) => sn >= fork && isByRecoveryKey(held.events, sn),
          )
          if (fork !== -1 && !frozen) assert.ok(isConfirmed)
          if (before.conflict === undefined || frozen) return
          // What has settled it: events by the recovery key that were not held before.
          assert.ok(kind === 'grown' || kind === 'recovered')
          const news = held.events.map((event, sn) => [event, sn] as const)
          assert.ok(
            news.some(
              ([event, sn]) =>
                !isEqual(event, before.events[sn]) && isByRecoveryKey(held.events, sn),
            ),
          )
        })
      }),
      { numRuns: 80 },
    )
  })

  it('stays frozen, once the recovery key stands against what it holds, but for one that was made before both', () => {
    fc.assert(
      fc.property(showings, (steps) => {
        follow(steps, (before, { held, frozen }) => {
          const { conflict } = before
          if (conflict === undefined || frozen) return
          const fork = eventNumber(conflict)
          const other = [...before.events.slice(0, fork), ...conflict]
          if (!other.some((_, sn) => sn >= fork && isByRecoveryKey(other, sn))) return
          const parts = held.events.findIndex((event, sn) => !isEqual(event, other[sn]))
          assert.ok(parts !== -1 && parts <= fork && isByRecoveryKey(held.events, parts))
          assert.ok(!isByRecoveryKey(other, parts))
        })
      }),
      { numRuns: 80 },
    )
  })

  it('never changes when it first saw an event that it keeps', () => {
    fc.assert(
      fc.property(showings, (steps) => {
        follow(steps, (before, { held }, { now }) => {
          assert.equal(held.seenAt.length, held.events.length)
          for (const [sn, event] of held.events.entries()) {
            const seen = isEqual(event, before.events[sn]) ? before.seenAt[sn] : now
            assert.equal(held.seenAt[sn], seen)
          }
        })
      }),
      { numRuns: 80 },
    )
  })

  it('holds only valid logs, whose every key was committed to by the event before', () => {
    fc.assert(
      fc.property(showings, (steps) => {
        follow(steps, (_, { held, state, frozen }) => {
          assert.deepEqual(state, validateKeyLog(held.events))
          assert.equal(frozen, held.conflict !== undefined)
          if (held.conflict !== undefined) {
            const fork = eventNumber(held.conflict)
            assert.ok(fork > 0 && fork < held.events.length)
            validateKeyLog([...held.events.slice(0, fork), ...held.conflict])
          }
          assertCommitted(held.events)
        })
      }),
      { numRuns: 60 },
    )
  })

  it('says the same again, and changes nothing, when it is shown the same again', () => {
    fc.assert(
      fc.property(showings, (steps) => {
        follow(steps, (_, { held, kind, state }, { now, shown }) => {
          const again = judgeKeyLog(held, shown, now)
          assert.equal(again.held, held)
          assert.deepEqual(again.state, state)
          const settled = kind === 'older' || kind === 'forked' ? kind : 'same'
          assert.equal(again.kind, settled)
        })
      }),
      { numRuns: 60 },
    )
  })

  it('comes to the same in whatever order logs are shown, while the window is open', () => {
    const some = fc.array(log, { minLength: 2, maxLength: 6 })
    const orders = some.chain((logs) =>
      fc.tuple(
        fc.constant(logs),
        fc.shuffledSubarray(logs, { minLength: logs.length, maxLength: logs.length }),
      ),
    )
    let frozen = 0
    fc.assert(
      fc.property(orders, ([one, other]) => {
        const [a, b] = [one, other].map((logs) => outcomeOf(logs))
        assert.deepEqual(a, b)
        if (a === 'frozen') frozen++
      }),
      { numRuns: 120 },
    )
    assert.ok(frozen > 10 && frozen < 110, String(frozen))
  })

  it('comes to the same on two nodes that show each other what they hold', () => {
    const logs = fc.array(log, { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(logs, logs, (one, other) => {
        const [a, b] = [one, other].map((seen) => heldAfter(seen))
        assert.ok(a && b)
        const [aThen, bThen] = [judgeKeyLog(a, b.events, NOW), judgeKeyLog(b, a.events, NOW)]
        const known = [aThen.held, bThen.held].some(({ conflict }) => conflict !== undefined)
        if (known) return
        assert.deepEqual(
          [aThen.state.keyInForce, aThen.state.sn],
          [bThen.state.keyInForce, bThen.state.sn],
        )
      }),
      { numRuns: 80 },
    )
  })

  it('takes no event of which a byte has changed, and none in another place', () => {
    const parts = fc.record({
      held: log,
      shown: log,
      from: log,
      sn: fc.nat(3),
      at: fc.nat(),
      change: fc.nat(255),
    })
    fc.assert(
      fc.property(parts, ({ held, shown, from, sn, at, change }) => {
        const other = from[sn % from.length]
        assert.ok(other)
        const event = other.slice()
        const place = at % event.byteLength
        event[place] = (event[place] ?? 0) ^ change
        const forged = shown.toSpliced(sn % (shown.length + 1), at % 2, event)
        if (LOGS.some((known) => isSameLog(known, forged))) return
        const before = judgeKeyLog(undefined, held, NOW).held
        assert.throws(
          () => judgeKeyLog(before, forged, NOW),
          (err) => isFailure(err, 'malformed'),
        )
      }),
      { numRuns: 200 },
    )
  })
})

/** All logs that can be made of this one by so many moves. */
function tree(branch: Branch, name: string, moves: number): Branch[] {
  if (moves === 0 || validateKeyLog(branch.events).keyInForce === undefined) return [branch]
  const next = MOVES.map((move, i) => move(branch, `${name}${i}`))
  return [branch, ...next.flatMap((after, i) => tree(after, `${name}${i}`, moves - 1))]
}

/** Shows logs one after another, and checks each verdict. */
function follow(
  steps: Showing[],
  check: (before: HeldKeyLog, verdict: Verdict, step: { shown: Uint8Array[]; now: number }) => void,
): void {
  let held: HeldKeyLog | undefined
  let now = NOW
  for (const { shown, after } of steps) {
    now += after
    const verdict = judgeKeyLog(held, shown, now)
    check(held ?? { events: [], seenAt: [] }, verdict, { shown, now })
    held = verdict.held
  }
}

function heldAfter(logs: Uint8Array[][]): HeldKeyLog | undefined {
  let held: HeldKeyLog | undefined
  for (const shown of logs) ({ held } = judgeKeyLog(held, shown, NOW))
  return held
}

function outcomeOf(logs: Uint8Array[][]): unknown {
  const held = heldAfter(logs)
  return held?.conflict === undefined ? held?.events.map(hex) : 'frozen'
}

/** Checks what makes a key its owner's: the key that signed for it is the one whose hash stood in the log. */
function assertCommitted(events: Uint8Array[]): void {
  let before: KeyLogState | undefined
  for (const { signed, state } of replayKeyLog(events)) {
    const { event } = signed
    if (before !== undefined) {
      assert.notEqual(event.t, 'icp')
      const by = event.t === 'rot' ? event.N : event.t === 'rec' ? event.R : undefined
      const expected = event.t === 'rot' ? before.nextCommitment : before.recoveryCommitment
      if (by !== undefined) assert.deepEqual(sha256(by), expected)
      if (event.t === 'end') {
        const hash = hex(sha256(event.by))
        assert.ok([before.nextCommitment, before.recoveryCommitment].map(hex).includes(hash))
      }
    }
    before = state
  }
}

function isByRecoveryKey(events: Uint8Array[], sn: number): boolean {
  const replayed = replayKeyLog(events)
  const [event, before] = [replayed[sn]?.signed.event, replayed[sn - 1]?.state]
  if (event?.t === 'rec') return true
  return event?.t === 'end' && isEqual(sha256(event.by), before?.recoveryCommitment)
}

function eventNumber(conflict: Uint8Array[]): number {
  const all = LOGS.find((known) => known.some((event) => isEqual(event, conflict[0])))
  return all?.findIndex((event) => isEqual(event, conflict[0])) ?? -1
}

function isSameLog(a: Uint8Array[], b: Uint8Array[]): boolean {
  return a.length === b.length && a.every((event, sn) => isEqual(event, b[sn]))
}

function isEqual(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0
}
