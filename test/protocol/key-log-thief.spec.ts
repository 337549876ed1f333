import assert from 'node:assert/strict'
import { encode } from '../../src/protocol/cbor.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { encodeSignedEvent } from '../../src/protocol/key-event-fields.ts'
import { judgeKeyLog } from '../../src/protocol/key-log-judge.ts'
import type { HeldKeyLog } from '../../src/protocol/key-log-judge.ts'
import { sha256 } from '../../src/protocol/sha256.ts'
import { sign } from '../../src/protocol/signed.ts'
import { begin, recover, retire, rotate, stateOf } from '../helpers/key-branch.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { seedOf } from '../helpers/stub-pins.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 10, 21, 9)
const STOLEN = { why: 'compromise' } as const

/** Seeds of the thief's own. */
const thief = { key: seedOf('thief'), rotation: seedOf('thief, next') }

describe('a thief of the key in force', () => {
  const node = begin('a node')
  /** All that the holder of `node.seed` can sign: with keys of its own, and what the owner has ever shown. */
  const forged: [what: string, name: string, event: Forged, seeds: Uint8Array[]][] = [
    [
      'wrong commitment',
      'a rotation by its own rotation key',
      rotationBy(node, thief.rotation),
      [thief.rotation, thief.key, node.seed],
    ],
    [
      'wrong commitment',
      'a rotation by the key in force',
      rotationBy(node, node.seed),
      [node.seed, thief.key, node.seed],
    ],
    [
      'bad signature',
      'a rotation that names the true rotation key',
      rotationBy(node, node.rotationSeed),
      [thief.rotation, thief.key, node.seed],
    ],
    [
      'bad signature',
      'a rotation with the key in force in all places',
      rotationBy(node, node.rotationSeed),
      [node.seed, node.seed, node.seed],
    ],
    [
      'wrong commitment',
      'a recovery by the key in force',
      recoveryBy(node, node.seed),
      [node.seed, thief.key],
    ],
    [
      'bad signature',
      'a recovery that names the true recovery key',
      recoveryBy(node, node.recoverySeed),
      [node.seed, thief.key],
    ],
    ['wrong commitment', 'an end by the key in force', endBy(node, node.seed), [node.seed]],
    [
      'bad signature',
      'an end that names the true rotation key',
      endBy(node, node.rotationSeed),
      [node.seed],
    ],
  ]
  for (const [what, name, event, seeds] of forged) {
    it(`is refused: ${name}`, () => {
      const { held } = judgeKeyLog(undefined, node.events, NOW)
      const log = [...node.events, signedBy(event, seeds)]
      assert.equal(refusalOf(held, log, NOW), what)
      assert.equal(refusalOf(undefined, log, NOW), what)
    })
  }

  it('is out as soon as the owner has rotated', () => {
    const { held } = judgeKeyLog(undefined, node.events, NOW)
    const rotated = rotate(node, 'second', STOLEN)
    const { kind, state, frozen } = judgeKeyLog(held, rotated.events, NOW)
    assert.deepEqual([kind, frozen], ['grown', false])
    assert.deepEqual(state.keyInForce, publicKeyOf(seedOf('second')))
    assert.equal(judgeKeyLog(held, node.events, NOW).kind, 'same')
  })
})

describe('a thief of the key in force and the rotation key', () => {
  const node = begin('a node')
  const stolen = rotate(rotate(node, 'thief', STOLEN), 'thief again')

  it('is believed until the owner recovers in time, and never after', () => {
    let { held, state } = judgeKeyLog(undefined, node.events, NOW)
    ;({ held, state } = judgeKeyLog(held, stolen.events, NOW))
    assert.deepEqual(state.keyInForce, publicKeyOf(seedOf('thief again')))
    const taken = recover(node, 'owner')
    const last = judgeKeyLog(held, taken.events, NOW + 72 * HOUR - 1)
    assert.deepEqual([last.kind, last.frozen], ['recovered', false])
    assert.deepEqual(last.state.keyInForce, publicKeyOf(seedOf('owner')))
    for (const { events } of [stolen, rotate(stolen, 'thief 3'), retire(stolen), node]) {
      assert.equal(judgeKeyLog(last.held, events, NOW).kind, 'older')
    }
  })

  it('is out once the window is over too: nobody is believed until a person has said whom', () => {
    const { held } = judgeKeyLog(undefined, stolen.events, NOW)
    const late = judgeKeyLog(held, recover(node, 'owner').events, NOW + 72 * HOUR)
    assert.deepEqual([late.kind, late.frozen], ['forked', true])
    const last = recover(stolen, 'thief').events
    for (const shown of [stolen.events, rotate(stolen, 'thief 3').events, last]) {
      assert.equal(judgeKeyLog(late.held, shown, NOW + 73 * HOUR).held, late.held)
    }
  })

  it('cannot shorten the window by rotating again', () => {
    const once = { ...stolen, events: stolen.events.slice(0, 2) }
    const { held } = judgeKeyLog(undefined, once.events, NOW)
    const twice = judgeKeyLog(held, stolen.events, NOW + 71 * HOUR).held
    const taken = recover(node, 'owner').events
    assert.equal(judgeKeyLog(twice, taken, NOW + 71 * HOUR).kind, 'recovered')
    assert.equal(judgeKeyLog(twice, taken, NOW + 72 * HOUR).kind, 'forked')
  })

  it('freezes the node where the owner has rotated first, and is not believed', () => {
    const rotated = rotate(node, 'second')
    const { held } = judgeKeyLog(undefined, rotated.events, NOW)
    const { kind, frozen, state } = judgeKeyLog(held, stolen.events, NOW)
    assert.deepEqual([kind, frozen], ['forked', true])
    assert.deepEqual(state.keyInForce, publicKeyOf(seedOf('second')))
  })

  it('freezes nobody for good with a key that was used: a recovery on top of the rotation settles it', () => {
    const rotated = rotate(node, 'second')
    const confirmed = recover(rotated, 'owner')
    const year = NOW + 365 * 24 * HOUR
    let { held } = judgeKeyLog(undefined, rotated.events, NOW)
    ;({ held } = judgeKeyLog(held, stolen.events, year))
    const settled = judgeKeyLog(held, confirmed.events, year + HOUR)
    assert.deepEqual([settled.kind, settled.frozen], ['grown', false])
    for (const { events } of [stolen, rotate(stolen, 'thief 3'), retire(stolen)]) {
      assert.equal(judgeKeyLog(settled.held, events, year + HOUR).kind, 'older')
    }
    const fooled = judgeKeyLog(undefined, stolen.events, year).held
    assert.equal(judgeKeyLog(fooled, confirmed.events, year + HOUR).kind, 'recovered')
  })

  it('can end the node, and the owner can undo that in time', () => {
    const { held, state } = judgeKeyLog(undefined, retire(node).events, NOW)
    assert.equal(state.keyInForce, undefined)
    const taken = judgeKeyLog(held, recover(node, 'owner').events, NOW + HOUR)
    assert.equal(taken.kind, 'recovered')
    assert.deepEqual(taken.state.keyInForce, publicKeyOf(seedOf('owner')))
  })

  it('has nothing in hand after a recovery', () => {
    const taken = recover(node, 'owner')
    const { held } = judgeKeyLog(undefined, taken.events, NOW)
    const again = { ...taken, seed: seedOf('thief'), rotationSeed: node.rotationSeed }
    const log = rotate(again, 'thief').events
    assert.equal(refusalOf(held, log, NOW), 'wrong commitment')
  })
})

describe('a thief of the recovery key', () => {
  const node = begin('a node')

  it('takes the node, and is contradicted by the owner, which freezes it', () => {
    const { held } = judgeKeyLog(undefined, recover(node, 'thief').events, NOW)
    const { kind, frozen } = judgeKeyLog(held, recover(node, 'owner').events, NOW)
    assert.deepEqual([kind, frozen], ['forked', true])
  })

  it('takes nothing from an owner who has recovered with it before, but can freeze', () => {
    const taken = recover(node, 'owner')
    const { held } = judgeKeyLog(undefined, taken.events, NOW)
    const again = signedBy(recoveryBy(taken, node.recoverySeed), [node.recoverySeed, thief.key])
    assert.equal(refusalOf(held, [...taken.events, again], NOW), 'wrong commitment')
    const { kind, state } = judgeKeyLog(held, retire(node, 'recovery').events, NOW)
    assert.equal(kind, 'forked')
    assert.deepEqual(state.keyInForce, publicKeyOf(seedOf('owner')))
  })
})

function refusalOf(held: HeldKeyLog | undefined, shown: Uint8Array[], now: number): string {
  try {
    judgeKeyLog(held, shown, now)
  } catch (err) {
    assert.ok(isFailure(err, 'malformed'), String(err))
    return err.details.what
  }
  return 'accepted'
}

type Forged = ReturnType<typeof rotationBy | typeof recoveryBy | typeof endBy>

function signedBy(event: Forged, seeds: Uint8Array[]): Uint8Array {
  const bytes = encode(event)
  return encodeSignedEvent(
    bytes,
    seeds.map((seed) => sign(event.t, bytes, seed)),
  )
}

function after(branch: Branch): { v: 1; id: string; sn: number; p: Uint8Array; at: number } {
  const { id, sn, head } = stateOf(branch)
  return { v: 1, id, sn: sn + 1, p: head, at: NOW }
}

function rotationBy(branch: Branch, rotationSeed: Uint8Array) {
  const N = publicKeyOf(rotationSeed)
  const [k, n] = [publicKeyOf(seedOf('thief')), sha256(publicKeyOf(seedOf('thief, third')))]
  return { t: 'rot', ...after(branch), N, k, n, why: 'routine', grace: 0 } as const
}

function recoveryBy(branch: Branch, recoverySeed: Uint8Array) {
  const { k, n } = rotationBy(branch, recoverySeed)
  const r = sha256(publicKeyOf(seedOf('thief, recovery')))
  return { t: 'rec', ...after(branch), R: publicKeyOf(recoverySeed), k, n, r } as const
}

function endBy(branch: Branch, seed: Uint8Array) {
  return { t: 'end', ...after(branch), by: publicKeyOf(seed) } as const
}
