import type { KeptKeys } from '../../src/node/keys/own-keys.ts'
import { keysNamed } from '../../src/node/keys/own-log.ts'
import { isNextOf } from '../../src/node/keys/prepared.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { KithError } from '../../src/protocol/errors.ts'
import { endorseRotation } from '../../src/protocol/key-log-create.ts'
import { wordsToSeed } from '../../src/protocol/recovery-words.ts'
import { sha256 } from '../../src/protocol/sha256.ts'
import { seedOf } from '../helpers/stub-pins.ts'
import type { SimClock } from './sim-clock.ts'
import { pause } from './sim-keys.ts'

/** The rotation keys that the machine called `name` keeps for other nodes of its owner, in the place of its files. */
export class SimKept {
  readonly #name: string
  /** Seeds by commitment, in hexadecimal. */
  readonly #seeds = new Map<string, Uint8Array>()
  /** What a key that has endorsed named as the next one, by both commitments. */
  readonly #next = new Map<string, string>()
  #made = 0

  constructor(name: string) {
    this.#name = name
  }

  /** All secrets that are here. */
  get seeds(): Iterable<Uint8Array> {
    return this.#seeds.values()
  }

  /** Whether the key with this commitment is here. */
  has(commitment: Uint8Array): boolean {
    return this.#seeds.has(hex(commitment))
  }

  /** Puts a key there. Returns how it is called. */
  put(seed: Uint8Array): string {
    const commitment = hex(sha256(publicKeyOf(seed)))
    this.#seeds.set(commitment, seed)
    return commitment
  }

  /** As a process with this clock sees them. */
  own(clock: SimClock): KeptKeys {
    return {
      keeps: async ({ nextCommitment }) => this.has(nextCommitment),
      keep: async (_state, words) => {
        await pause(clock)
        this.put(wordsToSeed(words))
      },
      endorse: async (draft, { state }) => {
        await pause(clock)
        if (!isNextOf(state, draft)) {
          throw new KithError('rotation-outdated', 'another log', { what: 'rotation' })
        }
        const endorser = hex(state.nextCommitment)
        const rotationSeed = this.#seeds.get(endorser)
        if (rotationSeed === undefined) {
          throw new KithError('key-not-kept', `none for ${state.id}`, { node: state.id })
        }
        const next = await this.#nextOf(endorser, clock)
        await pause(clock)
        return endorseRotation(draft, { rotationSeed, nextRotationKey: publicKeyOf(next) })
      },
      settle: async (log) => {
        await pause(clock)
        const rotating = keysNamed(log).rotating.map(hex)
        const inForce = rotating.at(-1)
        for (const endorser of rotating) {
          const next = this.#next.get(endorser)
          if (endorser === inForce) continue
          this.#seeds.delete(endorser)
          this.#next.delete(endorser)
          if (next !== undefined && next !== inForce) this.#seeds.delete(next)
        }
      },
    }
  }

  /** First it is there, then it is named: a crash in between leaves a key that nobody needs. */
  async #nextOf(endorser: string, clock: SimClock): Promise<Uint8Array> {
    const named = this.#next.get(endorser)
    const seed = named === undefined ? undefined : this.#seeds.get(named)
    if (seed !== undefined) return seed
    const made = seedOf(`${this.#name}, kept ${this.#made++}`)
    const next = this.put(made)
    await pause(clock)
    // Somebody else may have been first.
    if (!this.#next.has(endorser)) this.#next.set(endorser, next)
    return await this.#nextOf(endorser, clock)
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
