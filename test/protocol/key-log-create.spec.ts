import assert from 'node:assert/strict'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import {
  completeRotation,
  createRecovery,
  createRetirement,
  draftRotation,
  endorseRotation,
} from '../../src/protocol/key-log-create.ts'
import type { RotationDraft } from '../../src/protocol/key-log-create.ts'
import { createInception, validateKeyLog } from '../../src/protocol/key-log.ts'
import { begin, retire, rotate } from '../helpers/key-branch.ts'
import { WEAK_POINTS } from '../vectors/ed25519-points.ts'
import { KEY_LOGS } from '../vectors/read-key-logs.ts'
import type { Made } from '../vectors/read-key-logs.ts'
import { fromHex, hex, seedOf } from '../vectors/seeds.ts'

const WEAK = fromHex(WEAK_POINTS[0]?.point ?? '')
const NODE = begin('a node')
const STATE = validateKeyLog(NODE.events)

const [NEW, NEXT, NEXT_RECOVERY] = ['new key', 'new rotation key', 'new recovery key'].map(seedOf)
assert.ok(NEW && NEXT && NEXT_RECOVERY)

const INCEPTION = {
  seed: NEW,
  nextKey: publicKeyOf(NEXT),
  recoveryKey: publicKeyOf(NEXT_RECOVERY),
  nonce: KEY_LOGS.nonce,
  at: 1_767_225_600_000,
}
const ROTATION = { key: publicKeyOf(NEW), why: 'routine', graceSeconds: 60, at: 5 } as const
const STOLEN = { ...ROTATION, why: 'compromise', graceSeconds: 0 } as const
const ENDORSEMENT = { rotationSeed: NODE.rotationSeed, nextRotationKey: publicKeyOf(NEXT) }
const SEEDS = { seed: NEW, seedBefore: NODE.seed }
const RECOVERY = {
  recoverySeed: NODE.recoverySeed,
  seed: NEW,
  nextRotationKey: publicKeyOf(NEXT),
  nextRecoveryKey: publicKeyOf(NEXT_RECOVERY),
  at: 5,
}

describe('key log, made', () => {
  for (const { name, made, events } of KEY_LOGS.valid) {
    it(`has the bytes of its vector: ${name}`, () => {
      assert.deepEqual(makeLog(made).map(hex), events.map(hex))
    })
  }

  it('has a window of 72 hours unless told otherwise', () => {
    assert.equal(validateKeyLog([createInception(INCEPTION).signedEvent]).windowHours, 72)
  })

  it('is of another node when the seed, a key, the time or the nonce is another', () => {
    const changes = [
      {},
      { seed: seedOf('a') },
      { nextKey: publicKeyOf(seedOf('b')) },
      { recoveryKey: publicKeyOf(seedOf('c')) },
      { at: 0 },
      { nonce: new Uint8Array(16) },
    ]
    const ids = changes.map((change) => createInception({ ...INCEPTION, ...change }).id)
    assert.equal(new Set(ids).size, changes.length)
  })

  it('is rotated by a holder of the rotation key that holds no other', () => {
    const draft = draftRotation(STATE, ROTATION)
    const endorsed = endorseRotation(structuredClone(draft), ENDORSEMENT)
    const event = completeRotation(draft, structuredClone(endorsed), SEEDS)
    const { keyInForce, rotated, sn } = validateKeyLog([...NODE.events, event])
    assert.equal(sn, 1)
    assert.deepEqual(keyInForce, ROTATION.key)
    assert.deepEqual(rotated, {
      before: STATE.keyInForce,
      why: 'routine',
      graceSeconds: 60,
      at: 5,
    })
  })

  it('is rotated after a compromise without the key before', () => {
    const draft = draftRotation(STATE, { ...STOLEN, lastGoodAt: 4 })
    const event = completeRotation(draft, endorseRotation(draft, ENDORSEMENT), { seed: NEW })
    const { rotated } = validateKeyLog([...NODE.events, event])
    assert.deepEqual([rotated?.why, rotated?.lastGoodAt], ['compromise', 4])
  })

  it('is not rotated in a routine way without the key before', () => {
    const draft = draftRotation(STATE, ROTATION)
    const endorsed = endorseRotation(draft, ENDORSEMENT)
    assert.throws(() => completeRotation(draft, endorsed, { seed: NEW }), TypeError)
  })

  const others: [name: string, change: Partial<RotationDraft>][] = [
    ['another new key', { k: publicKeyOf(seedOf('thief')) }],
    ['another grace', { grace: 61 }],
    ['another time', { at: 6 }],
    ['another place', { sn: 2 }],
    ['another node', { id: `kith1${'a'.repeat(52)}` }],
    ['another event before', { p: new Uint8Array(32) }],
    ['another reason', { why: 'compromise', grace: 0 }],
  ]
  for (const [name, change] of others) {
    it(`is not rotated when what was endorsed has ${name}`, () => {
      const draft = draftRotation(STATE, ROTATION)
      const endorsed = endorseRotation({ ...draft, ...change }, ENDORSEMENT)
      assert.throws(() => completeRotation(draft, endorsed, SEEDS), isRefusal('other draft'))
    })
  }

  it('is not rotated when what was endorsed is no rotation, or not signed', () => {
    const draft = draftRotation(STATE, ROTATION)
    const { bytes, signature } = endorseRotation(draft, ENDORSEMENT)
    const complete = (endorsed: { bytes: Uint8Array; signature: Uint8Array }) => () =>
      completeRotation(draft, endorsed, SEEDS)
    const { signedEvent } = createInception(INCEPTION)
    assert.throws(complete({ bytes: signedEvent, signature }), isRefusal('unknown version'))
    assert.throws(complete({ bytes: Uint8Array.of(), signature }), isRefusal('not canonical'))
    assert.throws(complete({ bytes, signature: new Uint8Array(64) }), isRefusal('bad signature'))
  })

  const refused: [what: string, name: string, make: () => unknown][] = [
    ['weak key', 'begun with a weak rotation key', begun({ nextKey: WEAK })],
    ['weak key', 'begun with a weak recovery key', begun({ recoveryKey: WEAK })],
    ['keys not distinct', 'begun with one key twice', begun({ nextKey: INCEPTION.recoveryKey })],
    ['wrong field', 'begun with a window of no hours', begun({ windowHours: 0 })],
    ['wrong time', 'begun before the epoch', begun({ at: -1 })],
    ['wrong field', 'begun with a short nonce', begun({ nonce: new Uint8Array(8) })],
    ['weak key', 'rotated to a weak key', () => draftRotation(STATE, { ...ROTATION, key: WEAK })],
    [
      'wrong field',
      'rotated with more than 7 days of grace',
      () => draftRotation(STATE, { ...ROTATION, graceSeconds: 604_801 }),
    ],
    [
      'wrong field',
      'rotated after a compromise with grace',
      () => draftRotation(STATE, { ...STOLEN, graceSeconds: 1 }),
    ],
    [
      'wrong field',
      'rotated as a routine with a last good time',
      () => draftRotation(STATE, { ...ROTATION, lastGoodAt: 1 }),
    ],
    [
      'wrong time',
      'rotated with a last good time to come',
      () => draftRotation(STATE, { ...STOLEN, lastGoodAt: 6 }),
    ],
    ['weak key', 'endorsed with a weak rotation key to come', endorsed({ nextRotationKey: WEAK })],
    [
      'keys not distinct',
      'endorsed with the same rotation key to come',
      endorsed({ nextRotationKey: publicKeyOf(NODE.rotationSeed) }),
    ],
    [
      'keys not distinct',
      'endorsed with the new key as the rotation key to come',
      endorsed({ nextRotationKey: ROTATION.key }),
    ],
    ['wrong commitment', 'recovered by another key', recovered({ recoverySeed: NODE.seed })],
    ['keys not distinct', 'recovered to the key before', recovered({ seed: NODE.seed })],
    ['weak key', 'recovered with a weak rotation key', recovered({ nextRotationKey: WEAK })],
    ['weak key', 'recovered with a weak recovery key', recovered({ nextRecoveryKey: WEAK })],
    [
      'wrong commitment',
      'ended by the key in force',
      () => createRetirement(STATE, { seed: NODE.seed, at: 5 }),
    ],
  ]
  for (const [what, name, make] of refused) {
    it(`is not ${name}`, () => {
      assert.throws(make, isRefusal(what))
    })
  }

  it('is not made longer after its end', () => {
    const state = validateKeyLog(retire(NODE).events)
    assert.throws(() => draftRotation(state, ROTATION), isRefusal('retired'))
    assert.throws(() => createRecovery(state, RECOVERY), isRefusal('retired'))
    const seed = NODE.recoverySeed
    assert.throws(() => createRetirement(state, { seed, at: 5 }), isRefusal('retired'))
  })

  it('is not made longer than 64 events, and not by a rotation in the last two places', () => {
    const full = { ...STATE, sn: 63 }
    assert.throws(() => draftRotation(full, ROTATION), isRefusal('too many events'))
    assert.throws(() => createRecovery(full, RECOVERY), isRefusal('too many events'))
    const seed = NODE.recoverySeed
    assert.throws(() => createRetirement(full, { seed, at: 5 }), isRefusal('too many events'))
    for (const sn of [61, 62]) {
      const late = { ...STATE, sn }
      assert.throws(() => draftRotation(late, ROTATION), isRefusal('too many events'))
      assert.ok(createRecovery(late, RECOVERY))
      assert.ok(createRetirement(late, { seed, at: 5 }))
    }
    assert.equal(draftRotation({ ...STATE, sn: 60 }, ROTATION).sn, 61)
  })

  it('is rotated after a rotation by the next rotation key alone', () => {
    const second = rotate(NODE, 'second')
    const spent = { ...second, rotationSeed: NODE.rotationSeed }
    const { events } = rotate(spent, 'third')
    assert.throws(() => validateKeyLog(events), isRefusal('wrong commitment'))
    assert.equal(validateKeyLog(rotate(second, 'third').events).sn, 2)
  })
})

/** The log that a vector says how to make. */
function makeLog(steps: Made[]): Uint8Array[] {
  const events: Uint8Array[] = []
  let seeds = { seed: NEW, rotationSeed: NEXT, recoverySeed: NEXT_RECOVERY }
  for (const step of steps) {
    events.push(makeEvent(step, seeds, events))
    if (step.t !== 'end') seeds = { ...seeds, ...step }
  }
  return events
}

type Seeds = Record<'seed' | 'rotationSeed' | 'recoverySeed', Uint8Array | undefined>

function makeEvent(step: Made, seeds: Seeds, before: Uint8Array[]): Uint8Array {
  const { at } = step
  const { seed: seedBefore, rotationSeed, recoverySeed } = seeds
  assert.ok(seedBefore && rotationSeed && recoverySeed)
  if (step.t === 'icp') {
    const [nextKey, recoveryKey] = [step.rotationSeed, step.recoverySeed].map(publicKeyOf)
    assert.ok(nextKey && recoveryKey)
    const init = { seed: step.seed, nextKey, recoveryKey, nonce: KEY_LOGS.nonce }
    return createInception({ ...init, at, windowHours: step.w }).signedEvent
  }
  const state = validateKeyLog(before)
  if (step.t === 'end') {
    return createRetirement(state, {
      seed: step.by === 'rotation' ? rotationSeed : recoverySeed,
      at,
    })
  }
  const nextRotationKey = publicKeyOf(step.rotationSeed)
  if (step.t === 'rec') {
    const nextRecoveryKey = publicKeyOf(step.recoverySeed)
    const { seed } = step
    return createRecovery(state, { recoverySeed, seed, nextRotationKey, nextRecoveryKey, at })
  }
  const draft = draftRotation(state, {
    key: publicKeyOf(step.seed),
    why: step.why,
    graceSeconds: step.grace,
    at,
    ...(step.lastGood === undefined ? {} : { lastGoodAt: step.lastGood }),
  })
  const endorsed = endorseRotation(draft, { rotationSeed, nextRotationKey })
  return completeRotation(draft, endorsed, { seed: step.seed, seedBefore })
}

function begun(change: Partial<Parameters<typeof createInception>[0]>): () => unknown {
  return () => createInception({ ...INCEPTION, ...change })
}

function endorsed(change: Partial<typeof ENDORSEMENT>): () => unknown {
  return () => endorseRotation(draftRotation(STATE, ROTATION), { ...ENDORSEMENT, ...change })
}

function recovered(change: Partial<typeof RECOVERY>): () => unknown {
  return () => createRecovery(STATE, { ...RECOVERY, ...change })
}

function isRefusal(what: string): (err: unknown) => boolean {
  return (err) => isFailure(err, 'malformed') && err.details.what === what
}
