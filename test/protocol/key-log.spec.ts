import assert from 'node:assert/strict'
import fc from 'fast-check'
import { encode } from '../../src/protocol/cbor.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { KEY_LOG_REFUSALS } from '../../src/protocol/key-log-refusal.ts'
import { validateKeyLog } from '../../src/protocol/key-log.ts'
import {
  MAX_KEY_EVENT_BYTES,
  MAX_KEY_LOG_EVENTS,
  MAX_ROTATION_SN,
  MAX_TIME_MS,
} from '../../src/protocol/limits.ts'
import { begin, recover, retire, rotate } from '../helpers/key-branch.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { KEY_LOGS } from '../vectors/read-key-logs.ts'

describe('key log', () => {
  for (const { name, events, state } of KEY_LOGS.valid) {
    it(`is read: ${name}`, () => {
      assert.deepEqual(validateKeyLog(events, state.id), state)
    })
  }

  for (const { what, name, events, expectedId } of KEY_LOGS.refused) {
    it(`is refused for: ${what}: ${name}`, () => {
      assert.equal(refusalOf(events, expectedId), what)
    })
  }

  it('has a vector for each reason to refuse it', () => {
    const covered = new Set(KEY_LOGS.refused.map(({ what }) => what))
    assert.deepEqual([...covered].sort(), [...KEY_LOG_REFUSALS].sort())
  })

  it('is refused for its size only above the limits', () => {
    const [full, over] = [MAX_KEY_EVENT_BYTES, MAX_KEY_EVENT_BYTES + 1].map(envelopeOf)
    assert.equal(refusalOf([full ?? new Uint8Array()]), 'unknown version')
    assert.equal(refusalOf([over ?? new Uint8Array()]), 'event too large')
    const log = new Array<Uint8Array>(MAX_KEY_LOG_EVENTS).fill(Uint8Array.of())
    assert.equal(refusalOf(log), 'not canonical')
    assert.equal(refusalOf([...log, Uint8Array.of()]), 'too many events')
  })

  it('has at most 64 events, the last two of them no rotations, none near the limit in bytes', () => {
    let branch: Branch = begin('a node')
    for (let sn = 1; sn <= MAX_ROTATION_SN; sn++) {
      branch = rotate(branch, `key ${sn}`, { graceSeconds: 604_800, at: MAX_TIME_MS })
    }
    assert.throws(() => rotate(branch, 'one more'), isRefusal('too many events'))
    branch = recover(branch, 'recovered')
    assert.throws(() => rotate(branch, 'one more'), isRefusal('too many events'))
    branch = retire(branch)
    assert.equal(validateKeyLog(branch.events).sn, MAX_KEY_LOG_EVENTS - 1)
    const longest = Math.max(...branch.events.map((event) => event.byteLength))
    assert.ok(longest < MAX_KEY_EVENT_BYTES / 3, String(longest))
  })

  it('says what it said when its bytes change later', () => {
    const { events } = rotate(begin('a node'), 'second')
    const state = validateKeyLog(events)
    const before = structuredClone(state)
    for (const event of events) event.fill(0)
    assert.deepEqual(state, before)
  })

  it('is refused with a known reason, whatever byte of it changes', () => {
    const [{ events } = { events: [] }] = KEY_LOGS.valid.filter(
      ({ name }) => name === 'a recovery after a rotation',
    )
    const place = events.flatMap((event, sn) => [...event.keys()].map((at) => [sn, at] as const))
    fc.assert(
      fc.property(
        fc.constantFrom(...place),
        fc.integer({ min: 1, max: 255 }),
        ([sn, at], change) => {
          const changed = events.map((event) => event.slice())
          const [event] = changed.slice(sn)
          assert.ok(event)
          event[at] = (event[at] ?? 0) ^ change
          assertKnown(refusalOf(changed))
        },
      ),
      { numRuns: 500 },
    )
  })

  it('is refused with a known reason when its bytes are chance', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array(), { maxLength: 3 }), (events) => {
        assertKnown(refusalOf(events))
      }),
    )
  })

  it('is refused when any of its events is missing, doubled or moved, unless it is the end that is missing', () => {
    const { events } = ['b', 'c', 'd'].reduce((log, key) => rotate(log, key), begin('a'))
    const last = events.length - 1
    for (const [sn, event] of events.entries()) {
      const without = events.filter((other) => other !== event)
      assert.equal(refusalOf(without), sn === last ? 'accepted' : 'wrong sequence number')
      assert.equal(refusalOf(without.toSpliced((sn + 1) % last, 0, event)), 'wrong sequence number')
      assert.equal(refusalOf(events.toSpliced(sn, 0, event)), 'wrong sequence number')
    }
  })
})

/** A canonical signed event of this many bytes in all, of no version that anybody knows. */
function envelopeOf(bytes: number): Uint8Array {
  const pad = (length: number) =>
    encode({ e: encode({ pad: new Uint8Array(length) }), s: [new Uint8Array(64)] })
  return pad(1_000 + bytes - pad(1_000).byteLength)
}

function assertKnown(what: string): void {
  assert.ok(
    KEY_LOG_REFUSALS.some((reason) => reason === what),
    what,
  )
}

function refusalOf(events: Uint8Array[], expectedId?: string): string {
  try {
    validateKeyLog(events, expectedId)
  } catch (err) {
    assert.ok(isFailure(err, 'malformed'), String(err))
    return err.details.what
  }
  return 'accepted'
}

function isRefusal(what: string): (err: unknown) => boolean {
  return (err) => isFailure(err, 'malformed') && err.details.what === what
}
