import { identityOf } from '../../src/node/identity.ts'
import type { Identity } from '../../src/node/identity.ts'
import { forkPoint } from '../../src/node/keys/fork-point.ts'
import type { OwnKeys } from '../../src/node/keys/own-keys.ts'
import { outdated, retired } from '../../src/node/keys/own-log.ts'
import { isNextOf } from '../../src/node/keys/prepared.ts'
import type { PreparedRotation } from '../../src/node/keys/prepared.ts'
import type { PreparedRecovery } from '../../src/node/keys/recover.ts'
import { assertWordsOf, rotationKeyOffHost } from '../../src/node/keys/rotation-key.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { KithError } from '../../src/protocol/errors.ts'
import { readSignedEvent } from '../../src/protocol/key-event.ts'
import {
  completeRotation,
  createRecovery,
  createRetirement,
  draftRotation,
  endorseRotation,
} from '../../src/protocol/key-log-create.ts'
import type { EndorsedRotation, RotationDraft } from '../../src/protocol/key-log-create.ts'
import {
  createInception,
  replayKeyLog,
  stateAtEnd,
  validateKeyLog,
} from '../../src/protocol/key-log.ts'
import type { KeyLogState } from '../../src/protocol/key-log.ts'
import { seedToWords, wordsToSeed } from '../../src/protocol/recovery-words.ts'
import { seedOf } from '../helpers/stub-pins.ts'
import type { SimClock } from './sim-clock.ts'

/** So long each step takes at the most, in ms: a crash may come before it has happened, or after. */
const STEP_MS = 10

interface Prepared {
  rotation: PreparedRotation
  seed: Uint8Array
  /** Where the rotation key is here, the one that is to follow it. */
  nextSeed: Uint8Array | undefined
}

interface Recovering {
  prepared: PreparedRecovery
  /** The log that it was prepared for. */
  before: readonly Uint8Array[]
  rotationSeed: Uint8Array
  recoverySeed: Uint8Array
}

/** What there is to be stolen on a machine. */
export interface Loot {
  log: Uint8Array[]
  /** Seed of the key in use. */
  secret: Uint8Array
  /** Seed of the rotation key, if it is there and the thief can open it. */
  rotationSeed: Uint8Array | undefined
}

/** The keys of the node called `name`, in the place of its key files: the same for the same name and number. */
export class SimKeys {
  identity: Identity
  readonly #name: string
  /** Peer ids of all keys that its log has ever committed to. */
  readonly #committed = new Set<string>()
  #made = 0
  /** Undefined while another machine keeps it. */
  #rotationSeed: Uint8Array | undefined
  #prepared: Prepared | undefined
  /** On the owner's paper. */
  #recoverySeed: Uint8Array
  #recovering: Recovering | undefined
  #read: { log: readonly Uint8Array[]; state: KeyLogState } | undefined

  constructor(name: string, at: number) {
    this.#name = name
    const [seed, rotationSeed] = [this.#seed(), this.#seed()]
    this.#rotationSeed = rotationSeed
    this.#recoverySeed = seedOf(`${name}, recovery`)
    const { signedEvent } = createInception({
      seed,
      nextKey: publicKeyOf(rotationSeed),
      recoveryKey: publicKeyOf(this.#recoverySeed),
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

  /** The rotation that waits for who has the rotation key, as the owner sees it on this machine. */
  get waiting(): RotationDraft | undefined {
    return this.rotatesHere ? undefined : this.#waiting()?.rotation.draft
  }

  /** False while another machine keeps the rotation key. */
  get rotatesHere(): boolean {
    return this.#rotationSeed !== undefined
  }

  /** Takes the rotation key off this machine. */
  giveRotationKey(): Uint8Array {
    const seed = this.#rotationKey()
    this.#rotationSeed = undefined
    return seed
  }

  /** What its log says. */
  get state(): KeyLogState {
    const { log } = this.identity
    // Worked out once: it is looked at all the time. Its signatures were checked when it was made.
    if (this.#read?.log !== log) this.#read = { log, state: stateAtEnd(replayKeyLog(log)) }
    return this.#read.state
  }

  /** True once the log has ended. */
  get retired(): boolean {
    return this.state.keyInForce === undefined
  }

  /** How often the node was taken back. */
  get recoveries(): number {
    return countRecoveries(this.identity.log)
  }

  /** The 24 words on the owner's paper. */
  get recoveryWords(): string {
    return seedToWords(this.#recoverySeed).join(' ')
  }

  /** A copy of what is on the machine now. */
  copy(): Loot {
    const { log, secret } = this.identity
    return { log, secret, rotationSeed: this.#rotationSeed }
  }

  /** Takes the node back while it does not run, as its owner does. */
  recover(at: number): void {
    const log = forkPoint(this.identity.log, at)
    this.#commitRecovery(this.#prepareRecovery({ words: this.recoveryWords, at, log }))
  }

  /** As a process with this clock sees them. */
  own(clock: SimClock): OwnKeys {
    const step = async <T>(change: () => T): Promise<T> => {
      await pause(clock)
      const result = change()
      await pause(clock)
      return result
    }
    return {
      prepareRotation: (init) => step(() => this.#prepare(init)),
      preparedRotation: async () => this.#waiting()?.rotation,
      endorseHere: () => step(() => this.#endorse()),
      commitRotation: (endorsed) => step(() => this.#commit(endorsed)),
      prepareRecovery: (init) => step(() => this.#prepareRecovery(init)),
      commitRecovery: (prepared) => step(() => this.#commitRecovery(prepared)),
      retire: (init) => step(() => this.#retire(init)),
      whereRotationKeyIs: async () => (this.rotatesHere ? 'here' : 'off-host'),
      dropSuperseded: async () => undefined,
    }
  }

  #prepare(init: Parameters<OwnKeys['prepareRotation']>[0]): PreparedRotation {
    const seed = this.#seed()
    const nextSeed = this.rotatesHere ? this.#seed() : undefined
    const { state } = this
    const draft = draftRotation(state, { ...init, key: publicKeyOf(seed) })
    const rotation: PreparedRotation = {
      draft,
      rotationKey: this.rotatesHere ? 'here' : 'off-host',
    }
    this.#prepared = { rotation, seed, nextSeed }
    return rotation
  }

  #endorse(): EndorsedRotation {
    const { nextSeed, rotation } = this.#current()
    if (nextSeed === undefined) throw new TypeError('the rotation key is elsewhere')
    const nextRotationKey = publicKeyOf(nextSeed)
    const rotationSeed = this.#rotationKey()
    return endorseRotation(rotation.draft, { rotationSeed, nextRotationKey })
  }

  #commit(endorsed: EndorsedRotation): Identity {
    const { nextSeed, rotation, seed } = this.#current()
    const event = completeRotation(rotation.draft, endorsed, {
      seed,
      ...(rotation.draft.why === 'routine' ? { seedBefore: this.identity.secret } : {}),
    })
    const log = [...this.identity.log, event]
    // Before anything changes: it may be endorsed by another key than the one that is named.
    validateKeyLog(log)
    this.identity = identityOf(log, seed)
    this.#committed.add(this.identity.key)
    this.#rotationSeed = nextSeed
    this.#prepared = undefined
    return this.identity
  }

  #prepareRecovery({
    at,
    log = this.identity.log,
    words,
  }: Omit<Parameters<OwnKeys['prepareRecovery']>[0], 'protection'>): PreparedRecovery {
    const state = validateKeyLog(log)
    const recoverySeed = wordsToSeed(words)
    assertWordsOf(state.recoveryCommitment, recoverySeed, this.#name)
    const [secret, rotationSeed, nextRecoverySeed] = [this.#seed(), this.#seed(), this.#seed()]
    const event = createRecovery(state, {
      recoverySeed,
      seed: secret,
      nextRotationKey: publicKeyOf(rotationSeed),
      nextRecoveryKey: publicKeyOf(nextRecoverySeed),
      at,
    })
    const prepared: PreparedRecovery = {
      recoveryWords: seedToWords(nextRecoverySeed),
      log: [...log, event],
      secret,
      made: [],
      before: undefined,
    }
    const before = this.identity.log
    this.#recovering = { prepared, before, rotationSeed, recoverySeed: nextRecoverySeed }
    this.#prepared = undefined
    return prepared
  }

  #commitRecovery({ log, secret }: PreparedRecovery): Identity {
    const recovering = this.#recovering
    if (recovering?.prepared.log !== log || recovering.before !== this.identity.log) {
      throw outdated('another log')
    }
    this.identity = identityOf(log, secret)
    this.#committed.add(this.identity.key)
    this.#rotationSeed = recovering.rotationSeed
    this.#recoverySeed = recovering.recoverySeed
    this.#recovering = undefined
    return this.identity
  }

  #retire({ at }: { at: number }): Identity {
    if (this.retired) throw retired(this.identity.id)
    const { state } = this
    if (this.#rotationSeed === undefined) throw rotationKeyOffHost(state.id)
    const event = createRetirement(state, { seed: this.#rotationSeed, at })
    this.#prepared = undefined
    this.identity = identityOf([...this.identity.log, event], this.identity.secret)
    return this.identity
  }

  #current(): Prepared {
    if (this.#prepared === undefined) {
      throw new KithError('no-rotation', 'nothing is prepared', { home: this.#name })
    }
    const waiting = this.#waiting()
    if (waiting !== undefined) return waiting
    throw new KithError('rotation-outdated', 'another log', { what: 'rotation' })
  }

  /** What is prepared, if the log is still the one that it is for. */
  #waiting(): Prepared | undefined {
    const { state } = this
    const prepared = this.#prepared
    return prepared !== undefined && isNextOf(state, prepared.rotation.draft) ? prepared : undefined
  }

  #rotationKey(): Uint8Array {
    if (this.#rotationSeed === undefined) throw new TypeError('the rotation key is elsewhere')
    return this.#rotationSeed
  }

  #seed(): Uint8Array {
    return seedOf(`${this.#name}, key ${this.#made++}`)
  }
}

/** Recoveries in a key log. */
export function countRecoveries(log: readonly Uint8Array[]): number {
  return log.filter((signed) => readSignedEvent(signed).event.t === 'rec').length
}

/** Lets the process end here, or go on. */
export async function pause(clock: SimClock): Promise<void> {
  await clock.sleep(STEP_MS, new AbortController().signal)
}
