import assert from 'node:assert/strict'
import { z } from 'zod'
import { isFailure } from '../../src/protocol/errors.ts'
import { judgeKeyLog } from '../../src/protocol/key-log-judge.ts'
import type { HeldKeyLog, Verdict } from '../../src/protocol/key-log-judge.ts'
import { validateKeyLog } from '../../src/protocol/key-log.ts'
import { begin, rotate } from '../helpers/key-branch.ts'
import { readVectors } from '../vectors/read.ts'
import { fromHex, hex } from '../vectors/seeds.ts'

const names = z.array(z.string())
const vectors = readVectors(
  'key-log-verdicts.json',
  z.strictObject({
    events: z.record(z.string(), z.string().transform(fromHex)),
    cases: z.array(
      z.strictObject({
        name: z.string(),
        steps: z.array(
          z.strictObject({
            now: z.int(),
            shown: names,
            refused: z.string().optional(),
            kind: z.string().optional(),
            held: z
              .strictObject({
                events: names,
                seenAt: z.array(z.int()),
                conflict: names.exactOptional(),
              })
              .optional(),
          }),
        ),
      }),
    ),
  }),
)

const NOW = Date.UTC(2026, 10, 21, 9)
const STOLEN = { why: 'compromise' } as const

describe('key log, judged', () => {
  for (const { name, steps } of vectors.cases) {
    it(`as its vector says: ${name}`, () => {
      let held: HeldKeyLog | undefined
      for (const { now, shown, refused, kind, held: expected } of steps) {
        if (refused !== undefined) {
          assert.equal(refusalOf(held, eventsOf(shown), now), refused)
          continue
        }
        const verdict = judgeKeyLog(held, eventsOf(shown), now)
        assert.equal(verdict.kind, kind)
        assert.deepEqual(namesIn(verdict.held), expected)
        assert.equal(verdict.frozen, expected?.conflict !== undefined)
        assert.deepEqual(verdict.state, validateKeyLog(verdict.held.events))
        held = verdict.held
      }
    })
  }

  it('has a vector for each kind of verdict', () => {
    const kinds = vectors.cases.flatMap(({ steps }) => steps.map(({ kind }) => kind))
    const all: Verdict['kind'][] = ['new', 'same', 'older', 'grown', 'recovered', 'forked']
    assert.deepEqual([...new Set(kinds)].filter(Boolean).sort(), all.sort())
  })

  it('hands back what was held, the very object, when there is nothing to write', () => {
    const node = begin('a node')
    const second = rotate(node, 'second')
    const fork = rotate(node, 'other', STOLEN)
    const { held } = judgeKeyLog(undefined, second.events, NOW)
    for (const { events } of [node, second]) {
      assert.equal(judgeKeyLog(held, events, NOW).held, held)
    }
    const frozen = judgeKeyLog(held, fork.events, NOW).held
    assert.notEqual(frozen, held)
    for (const { events } of [node, second, fork, rotate(second, 'c'), rotate(fork, 'd')]) {
      assert.equal(judgeKeyLog(frozen, events, NOW).held, frozen)
    }
  })

  it('keeps copies, and changes nothing that it was given', () => {
    const { events } = rotate(begin('a node'), 'second')
    const first = judgeKeyLog(undefined, events.slice(0, 1), NOW).held
    const before = structuredClone(first)
    const { held } = judgeKeyLog(first, events, NOW + 1)
    assert.deepEqual(first, before)
    const kept = structuredClone(held)
    for (const event of events) event.fill(0)
    assert.deepEqual(held, kept)
  })
})

function eventsOf(log: string[]): Uint8Array[] {
  return log.map((name) => vectors.events[name] ?? new Uint8Array())
}

/** What is held, with the names of the vectors for its events. */
function namesIn({ events, seenAt, conflict }: HeldKeyLog): unknown {
  const byBytes = new Map(Object.entries(vectors.events).map(([name, event]) => [hex(event), name]))
  const named = (list: Uint8Array[]) => list.map((event) => byBytes.get(hex(event)))
  return {
    events: named(events),
    seenAt,
    ...(conflict === undefined ? {} : { conflict: named(conflict) }),
  }
}

function refusalOf(held: HeldKeyLog | undefined, shown: Uint8Array[], now: number): string {
  try {
    judgeKeyLog(held, shown, now)
  } catch (err) {
    assert.ok(isFailure(err, 'malformed'), String(err))
    return err.details.what
  }
  return 'accepted'
}
