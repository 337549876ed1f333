import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import {
  completeRotation,
  createRecovery,
  createRetirement,
  draftRotation,
  endorseRotation,
} from '../../src/protocol/key-log-create.ts'
import { replayKeyLog, stateAtEnd } from '../../src/protocol/key-log.ts'
import type { KeyLogState } from '../../src/protocol/key-log.ts'
import { peerIdOf } from '../../src/protocol/peer-id.ts'
import { sha256 } from '../../src/protocol/sha256.ts'
import { seedOf } from '../helpers/stub-pins.ts'
import type { Loot } from './sim-keys.ts'
import type { SimNode } from './sim-node.ts'

/** A key log that somebody shows, and the seed of the key that it says is in force. */
export interface Shown {
  log: Uint8Array[]
  secret: Uint8Array
}

/** What a rotation says of itself. */
export interface RotationWords {
  why: 'routine' | 'compromise'
  /** 0 when compromised. */
  graceSeconds: number
  /** In ms since the epoch. */
  at: number
}

/** What a thief signs who has no key but the one in use. */
export const FORGERIES = ['rotation', 'own word', 'recovery', 'end'] as const

/** Somebody with a copy of a node's keys, as they were when it was made, and what he has made of them since. */
export class Thief {
  readonly victim: SimNode
  readonly name: string
  /** He has the rotation key too. */
  readonly rotates: boolean
  /** Recoveries of the victim when it was robbed: with each more, the copy is worth less. */
  readonly recoveries: number
  /** Peer ids of keys that he has rotated to. */
  readonly made = new Set<string>()
  readonly #stolen: Shown
  #own: Shown
  #rotationSeed: Uint8Array | undefined
  #ended = false
  #seeds = 0

  /** `number` tells the thieves of a world apart. */
  constructor(victim: SimNode, loot: Loot, number: number) {
    this.victim = victim
    this.name = `thief ${number} of ${victim.name}`
    this.#stolen = { log: loot.log, secret: loot.secret }
    this.#own = this.#stolen
    this.#rotationSeed = loot.rotationSeed
    this.rotates = loot.rotationSeed !== undefined
    this.recoveries = victim.keys.recoveries
  }

  /** The victim's log as it was, and the key in use then. */
  get stolen(): Shown {
    return this.#stolen
  }

  /** The log as he has gone on with it. */
  get own(): Shown {
    return this.#own
  }

  /** True once he has put an event of his own into the log. */
  get hasWritten(): boolean {
    return this.#own !== this.#stolen
  }

  /** The owner has recovered since: there is no key left that the owner has not replaced. */
  get answered(): boolean {
    return this.victim.keys.recoveries > this.recoveries
  }

  /** Rotates the stolen log once more, from where he has it. */
  rotate(words: RotationWords): void {
    if (this.#rotationSeed === undefined || this.#ended) return
    const [seed, nextSeed] = [this.#seed(), this.#seed()]
    const log = rotated(this.#own, {
      words,
      seed,
      nextSeed,
      rotationSeed: this.#rotationSeed,
    })
    this.#own = { log, secret: seed }
    this.#rotationSeed = nextSeed
    this.made.add(peerIdOf(publicKeyOf(seed)))
  }

  /** Ends the node. */
  end(at: number): void {
    if (this.#rotationSeed === undefined || this.#ended) return
    const { log, secret } = this.#own
    const event = createRetirement(stateOf(log), { seed: this.#rotationSeed, at })
    this.#own = { log: [...log, event], secret }
    this.#ended = true
  }

  /** A log that no rule takes, since the key in use signs what it has no say in. */
  forge(what: (typeof FORGERIES)[number], at: number): Shown {
    const { log, secret: stolen } = this.#stolen
    const state = stateOf(log)
    const [secret, rotationSeed, recoverySeed, nextSeed] = Array.from({ length: 4 }, () =>
      this.#seed(),
    ) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    const words = { why: 'compromise', graceSeconds: 0, at } as const
    switch (what) {
      case 'rotation':
        return {
          log: rotated(this.#stolen, { words, seed: secret, nextSeed, rotationSeed }),
          secret,
        }
      case 'own word':
        return {
          log: rotated(this.#stolen, { words, seed: secret, nextSeed, rotationSeed: stolen }),
          secret,
        }
      case 'recovery': {
        const pretended = { ...state, recoveryCommitment: sha256(publicKeyOf(recoverySeed)) }
        const event = createRecovery(pretended, {
          recoverySeed,
          seed: secret,
          nextRotationKey: publicKeyOf(rotationSeed),
          nextRecoveryKey: publicKeyOf(nextSeed),
          at,
        })
        return { log: [...log, event], secret }
      }
      case 'end': {
        const pretended = { ...state, nextCommitment: sha256(publicKeyOf(stolen)) }
        return { log: [...log, createRetirement(pretended, { seed: stolen, at })], secret: stolen }
      }
    }
  }

  #seed(): Uint8Array {
    return seedOf(`${this.name}, key ${this.#seeds++}`)
  }
}

/** What a log says. Whether it is signed, whoever it is shown to will look. */
function stateOf(log: readonly Uint8Array[]): KeyLogState {
  return stateAtEnd(replayKeyLog(log))
}

/** A log with one rotation more. Whether the log is committed to that rotation key, nobody has looked. */
function rotated(
  { log, secret }: Shown,
  init: {
    words: RotationWords
    seed: Uint8Array
    rotationSeed: Uint8Array
    nextSeed: Uint8Array
  },
): Uint8Array[] {
  const { nextSeed, rotationSeed, seed, words } = init
  const draft = draftRotation(stateOf(log), { ...words, key: publicKeyOf(seed) })
  const endorsed = endorseRotation(draft, { rotationSeed, nextRotationKey: publicKeyOf(nextSeed) })
  const seeds = words.why === 'routine' ? { seed, seedBefore: secret } : { seed }
  return [...log, completeRotation(draft, endorsed, seeds)]
}
