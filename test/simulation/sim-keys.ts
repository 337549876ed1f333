import { identityOf } from '../../src/node/identity.ts'
import type { Identity } from '../../src/node/identity.ts'
import type { KeptKeys, OwnKeys } from '../../src/node/keys/own-keys.ts'
import type { PreparedRotation } from '../../src/node/keys/prepared.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import {
  completeRotation,
  draftRotation,
  endorseRotation,
} from '../../src/protocol/key-log-create.ts'
import type { EndorsedRotation } from '../../src/protocol/key-log-create.ts'
import { createInception, validateKeyLog } from '../../src/protocol/key-log.ts'
import { seedOf } from '../helpers/stub-pins.ts'
import type { SimClock } from './sim-clock.ts'

/** So long each step takes at the most, in ms: a crash may come before it has happened, or after. */
const STEP_MS = 10

/** The keys of the node called `name`, in the place of its key files: the same for the same name and number. */
export class SimKeys {
  identity: Identity
  readonly #name: string
  /** Peer ids of all keys that its log has ever committed to. */
  readonly #committed = new Set<string>()
  #made = 0
  #rotationSeed: Uint8Array
  #prepared: { rotation: PreparedRotation; seed: Uint8Array; nextSeed: Uint8Array } | undefined

  constructor(name: string, at: number) {
    this.#name = name
    const seed = this.#seed()
    this.#rotationSeed = this.#seed()
    const { signedEvent } = createInception({
      seed,
      nextKey: publicKeyOf(this.#rotationSeed),
      recoveryKey: publicKeyOf(seedOf(`${name}, recovery`)),
      at,
      nonce: new Uint8Array(16),
    })
    this.identity = identityOf([signedEvent], seed)
    this.#committed.add(this.identity.key)
  }

  /** Whether the key with this peer id is, or was, one that the node's log commits to. */
  has(key: string): boolean {
    return this.#committed.has(key)
  }

  /** The log as a thief of the key in use and of the rotation key would go on with it. */
  stolenRotation(): Uint8Array[] {
    const { log, secret } = this.identity
    const seed = seedOf(`${this.#name}, stolen`)
    const nextRotationKey = publicKeyOf(seedOf(`${this.#name}, stolen, next`))
    const draft = draftRotation(validateKeyLog(log), {
      key: publicKeyOf(seed),
      why: 'routine',
      graceSeconds: 0,
      at: 0,
    })
    const endorsed = endorseRotation(draft, { rotationSeed: this.#rotationSeed, nextRotationKey })
    return [...log, completeRotation(draft, endorsed, { seed, seedBefore: secret })]
  }

  /** As a process with this clock sees them. */
  own(clock: SimClock): OwnKeys {
    const step = async <T>(change: () => T): Promise<T> => {
      await pause(clock)
      const result = change()
      await pause(clock)
      return result
    }
    const none = async (): Promise<never> => {
      throw new TypeError('not simulated')
    }
    return {
      prepareRotation: (init) => step(() => this.#prepare(init)),
      preparedRotation: async () => this.#prepared?.rotation,
      endorseHere: () => step(() => this.#endorse()),
      commitRotation: (endorsed) => step(() => this.#commit(endorsed)),
      prepareRecovery: none,
      commitRecovery: none,
      retire: none,
      whereRotationKeyIs: async () => 'here',
      dropSuperseded: async () => undefined,
    }
  }

  #prepare(init: Parameters<OwnKeys['prepareRotation']>[0]): PreparedRotation {
    const [seed, nextSeed] = [this.#seed(), this.#seed()]
    const state = validateKeyLog(this.identity.log)
    const draft = draftRotation(state, { ...init, key: publicKeyOf(seed) })
    const rotation: PreparedRotation = { draft, rotationKey: 'here' }
    this.#prepared = { rotation, seed, nextSeed }
    return rotation
  }

  #endorse(): EndorsedRotation {
    if (this.#prepared === undefined) throw new TypeError('nothing is prepared')
    const { nextSeed, rotation } = this.#prepared
    const nextRotationKey = publicKeyOf(nextSeed)
    return endorseRotation(rotation.draft, { rotationSeed: this.#rotationSeed, nextRotationKey })
  }

  #commit(endorsed: EndorsedRotation): Identity {
    if (this.#prepared === undefined) throw new TypeError('nothing is prepared')
    const { nextSeed, rotation, seed } = this.#prepared
    const event = completeRotation(rotation.draft, endorsed, {
      seed,
      ...(rotation.draft.why === 'routine' ? { seedBefore: this.identity.secret } : {}),
    })
    this.identity = identityOf([...this.identity.log, event], seed)
    this.#committed.add(this.identity.key)
    this.#rotationSeed = nextSeed
    this.#prepared = undefined
    return this.identity
  }

  #seed(): Uint8Array {
    return seedOf(`${this.#name}, key ${this.#made++}`)
  }
}

/** Keeps no key of another node. */
export const NONE_KEPT: KeptKeys = {
  keeps: async () => false,
  keep: async () => undefined,
  endorse: async () => {
    throw new TypeError('not simulated')
  },
  settle: async () => undefined,
}

async function pause(clock: SimClock): Promise<void> {
  await clock.sleep(STEP_MS, new AbortController().signal)
}
