import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { createInception, replayKeyLog, stateAtEnd } from '../../src/protocol/key-log.ts'
import type { KeyLogState } from '../../src/protocol/key-log.ts'
import {
  completeRotation,
  createRecovery,
  createRetirement,
  draftRotation,
  endorseRotation,
} from '../../src/protocol/key-log-create.ts'
import type { RotationInit } from '../../src/protocol/key-log-create.ts'
import { seedOf } from './stub-pins.ts'

/** A key log, and the secrets of whoever makes it longer: its owner, or a thief. */
export interface Branch {
  events: Uint8Array[]
  /** Of the key in force, the rotation key and the recovery key. */
  seed: Uint8Array
  rotationSeed: Uint8Array
  recoverySeed: Uint8Array
}

const AT = Date.UTC(2026, 10, 21, 9)

/** The log of one event of the test node called `name`, the same as that of `keyLogOf`. */
export function begin(name: string, windowHours = 72): Branch {
  const seeds = seedsOf(name)
  const { signedEvent } = createInception({
    seed: seeds.seed,
    nextKey: publicKeyOf(seeds.rotationSeed),
    recoveryKey: publicKeyOf(seeds.recoverySeed),
    at: AT,
    nonce: new Uint8Array(16),
    windowHours,
  })
  return { events: [signedEvent], ...seeds }
}

/** The log with a rotation to the keys of `name`. */
export function rotate(branch: Branch, name: string, init: Partial<RotationInit> = {}): Branch {
  const { seed, rotationSeed } = seedsOf(name)
  const draft = draftRotation(stateOf(branch), {
    key: publicKeyOf(seed),
    why: 'routine',
    graceSeconds: 0,
    at: AT,
    ...init,
  })
  const endorsed = endorseRotation(draft, {
    rotationSeed: branch.rotationSeed,
    nextRotationKey: publicKeyOf(rotationSeed),
  })
  const event = completeRotation(draft, endorsed, { seed, seedBefore: branch.seed })
  return { ...branch, events: [...branch.events, event], seed, rotationSeed }
}

/** The log with a recovery to the keys of `name`. To undo events, pass the branch that ends before them. */
export function recover(branch: Branch, name: string): Branch {
  const seeds = seedsOf(name)
  const event = createRecovery(stateOf(branch), {
    recoverySeed: branch.recoverySeed,
    seed: seeds.seed,
    nextRotationKey: publicKeyOf(seeds.rotationSeed),
    nextRecoveryKey: publicKeyOf(seeds.recoverySeed),
    at: AT,
  })
  return { events: [...branch.events, event], ...seeds }
}

/** The log with its end. */
export function retire(branch: Branch, by: 'rotation' | 'recovery' = 'rotation'): Branch {
  const seed = by === 'rotation' ? branch.rotationSeed : branch.recoverySeed
  const event = createRetirement(stateOf(branch), { seed, at: AT })
  return { ...branch, events: [...branch.events, event] }
}

/** What the log says. */
export function stateOf({ events }: Branch): KeyLogState {
  return stateAtEnd(replayKeyLog(events))
}

function seedsOf(name: string): Omit<Branch, 'events'> {
  return {
    seed: seedOf(name),
    rotationSeed: seedOf(`${name}, next`),
    recoverySeed: seedOf(`${name}, recovery`),
  }
}
