import { publicKeyOf } from '../../protocol/ed25519.ts'
import { readSignedEvent } from '../../protocol/key-event.ts'
import {
  completeRotation,
  createRecovery,
  draftRotation,
  endorseRotation,
} from '../../protocol/key-log-create.ts'
import type { RotationInit } from '../../protocol/key-log-create.ts'
import { appendEvent, createInception, validateKeyLog } from '../../protocol/key-log.ts'
import type { KeyLogState } from '../../protocol/key-log.ts'
import { randomSeed } from './key-files.ts'

/** Secret seeds that nothing depends on. */
interface Seeds {
  seed: Uint8Array
  rotation: Uint8Array
  recovery: Uint8Array
}

/** A node that there is not: a key log with keys of its own, to try on it what must not be tried on the real one. */
export interface StandIn {
  events: Uint8Array[]
  state: KeyLogState
  seeds: Seeds
}

/** One with a log of the same shape as this one: as many events, of the same kinds. Retirements are left out. */
export function standInFor(log: readonly Uint8Array[]): StandIn {
  const [first, ...rest] = log.map((signed) => readSignedEvent(signed).event)
  if (first?.t !== 'icp') throw new TypeError('a log begins with an inception')
  const seeds: Seeds = { seed: randomSeed(), rotation: randomSeed(), recovery: randomSeed() }
  const { signedEvent } = createInception({
    seed: seeds.seed,
    nextKey: publicKeyOf(seeds.rotation),
    recoveryKey: publicKeyOf(seeds.recovery),
    at: first.at,
    nonce: randomSeed().slice(0, 16),
    windowHours: first.w,
  })
  let standIn: StandIn = { events: [signedEvent], state: validateKeyLog([signedEvent]), seeds }
  for (const event of rest) {
    if (event.t === 'rot') {
      const { at, grace: graceSeconds, why } = event
      standIn = rotateStandIn(standIn, { at, graceSeconds, why })
    }
    if (event.t === 'rec') standIn = recover(standIn, event.at)
  }
  return standIn
}

/** It after a rotation, made in the same steps as a real one. @throws {KithError} as `draftRotation` */
export function rotateStandIn(before: StandIn, init: Omit<RotationInit, 'key'>): StandIn {
  const { events, seeds, state } = before
  const [seed, rotation] = [randomSeed(), randomSeed()]
  const draft = draftRotation(state, { ...init, key: publicKeyOf(seed) })
  const endorsed = endorseRotation(draft, {
    rotationSeed: seeds.rotation,
    nextRotationKey: publicKeyOf(rotation),
  })
  const event = completeRotation(draft, endorsed, { seed, seedBefore: seeds.seed })
  return {
    events: [...events, event],
    state: appendEvent(state, event),
    seeds: { ...seeds, seed, rotation },
  }
}

function recover({ events, seeds, state }: StandIn, at: number): StandIn {
  const [seed, rotation, recovery] = [randomSeed(), randomSeed(), randomSeed()]
  const event = createRecovery(state, {
    recoverySeed: seeds.recovery,
    seed,
    nextRotationKey: publicKeyOf(rotation),
    nextRecoveryKey: publicKeyOf(recovery),
    at,
  })
  return {
    events: [...events, event],
    state: appendEvent(state, event),
    seeds: { seed, rotation, recovery },
  }
}
