import assert from 'node:assert/strict'
import { z } from 'zod'
import { judge } from './judge.ts'
import type { Held } from './judge.ts'
import { validate } from './key-log.ts'
import { readReceipt } from './receipt.ts'
import { Refused } from './refused.ts'
import { bytes, named, text, vectors } from './vectors.ts'

const names = z.array(text)

describe('conformance', () => {
  describe('of key logs', () => {
    const { refused, valid } = vectors('key-logs.json', {
      nonce: bytes,
      valid: z.array(
        z.strictObject({
          ...named,
          made: z.array(z.unknown()),
          events: z.array(bytes),
          state: z.strictObject({
            id: text,
            sn: z.int(),
            head: text,
            keyInForce: text.optional(),
            nextCommitment: text,
            recoveryCommitment: text,
            windowHours: z.int(),
            rotated: z.unknown().optional(),
          }),
        }),
      ),
      refused: z.array(
        z.strictObject({
          ...named,
          what: text,
          events: z.array(bytes),
          expectedId: text.optional(),
        }),
      ),
    })

    it(`takes ${valid.length}, and says what they say`, () => {
      for (const { events, name, state } of valid) {
        const { nextCommitment: n, recoveryCommitment: r, id, sn, head, windowHours } = state
        const key = state.keyInForce === undefined ? {} : { keyInForce: state.keyInForce }
        const said = { id, sn, head, ...key, n, r, windowHours }
        assert.deepEqual(validate(events, id), said, name)
      }
    })

    it(`refuses ${refused.length}, each by the rule that comes first`, () => {
      for (const { events, expectedId, name, what } of refused) {
        assert.throws(() => validate(events, expectedId), new Refused(what), name)
      }
    })
  })

  describe('of key logs that are held', () => {
    const { cases, events } = vectors('key-log-verdicts.json', {
      events: z.record(text, bytes),
      cases: z.array(
        z.strictObject({
          ...named,
          steps: z.array(
            z.strictObject({
              now: z.int(),
              shown: names,
              refused: text.optional(),
              kind: text.optional(),
              held: z
                .strictObject({
                  events: names,
                  seenAt: z.array(z.int()),
                  conflict: names.optional(),
                })
                .optional(),
            }),
          ),
        }),
      ),
    })
    const eventsOf = (list: string[]) => list.map((name) => events[name] ?? new Uint8Array())

    it(`judges as ${cases.length} cases say`, () => {
      for (const { name, steps } of cases) {
        let held: Held | undefined
        for (const { held: expected, kind, now, refused, shown } of steps) {
          const log = eventsOf(shown)
          if (refused !== undefined) {
            assert.throws(() => judge(held, log, now), new Refused(refused), name)
            continue
          }
          const judged = judge(held, log, now)
          assert.equal(judged.kind, kind, name)
          assert.deepEqual(judged.held.events, eventsOf(expected?.events ?? []), name)
          assert.deepEqual(judged.held.seenAt, expected?.seenAt, name)
          const conflict =
            expected?.conflict === undefined ? undefined : eventsOf(expected.conflict)
          assert.deepEqual(judged.held.conflict, conflict, name)
          held = judged.held
        }
      }
    })
  })

  describe('of receipts', () => {
    const { key, refused, valid } = vectors('receipts.json', {
      seed: bytes,
      key: bytes,
      valid: z.array(
        z.strictObject({
          ...named,
          receipt: bytes,
          says: z.record(text, z.union([text, z.int()])),
        }),
      ),
      refused: z.array(
        z.strictObject({ ...named, what: text, receipt: bytes, key: bytes.optional() }),
      ),
    })

    it(`takes ${valid.length}, and says what they say`, () => {
      for (const { name, receipt, says } of valid) {
        assert.deepEqual(readReceipt(receipt, key), says, name)
      }
    })

    it(`refuses ${refused.length}`, () => {
      for (const { key: other, name, receipt, what } of refused) {
        assert.throws(() => readReceipt(receipt, other ?? key), new Refused(what), name)
      }
    })
  })
})
