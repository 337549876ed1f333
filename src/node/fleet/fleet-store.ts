import { z } from 'zod'
import { fleetSample } from '../control/routes/fleet.ts'
import type { FleetSample } from '../control/routes/fleet.ts'
import type { Database, Operation } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import { standingSchema } from './standing.ts'
import type { Standing } from './standing.ts'

/** A sample that says the same as the one before is stored after this long, to show that somebody looked. */
const SAME_MS = 600_000

const MAX_SAMPLES_PER_PEER = 2_000
const MAX_SAMPLES = 20_000
const MAX_SAMPLE_AGE_MS = 30 * 86_400_000

/** Reasons of one stored sample: with what `judge` makes of each, a sample has at most some 2 kB. */
const MAX_REASONS = 8

/** Digits of a time: keys of one peer sort by it (ECMA-262 §21.4.1.1 ends after 16). */
const TIME_DIGITS = 16

const storedSample = fleetSample.extend({ reasons: z.array(z.string()).max(MAX_REASONS) })

/** What is kept of peers: how each stands, and its samples, bounded in number, age and size. */
export class FleetStore {
  readonly #database: Database
  readonly #standings: Repository<Standing>
  readonly #samples: Repository<FleetSample>
  /** By peer, when its last sample was stored. */
  readonly #storedAt = new Map<string, number>()

  constructor(database: Database) {
    this.#database = database
    this.#standings = new Repository(database, 'fleet-peers', standingSchema)
    this.#samples = new Repository(database, 'fleet-samples', storedSample)
  }

  /** How each peer stood when that was stored last, by its id or key. */
  async standings(): Promise<Map<string, Standing>> {
    return new Map(await Array.fromAsync(this.#standings.entries()))
  }

  /** Stores how a peer stands, and its sample where that says something new. `before` is how it stood until then. */
  async keep(peer: string, before: Standing | undefined, now: Standing): Promise<void> {
    const { sampledAt } = now
    const same =
      before?.state === now.state &&
      before.status?.software === now.status?.software &&
      JSON.stringify(before.reasons) === JSON.stringify(now.reasons)
    const isDue = sampledAt - (this.#storedAt.get(peer) ?? 0) >= SAME_MS
    const operations: Operation[] = [this.#standings.put(peer, now)]
    if (!same || isDue) {
      this.#storedAt.set(peer, sampledAt)
      operations.push(this.#samples.put(keyOf(peer, sampledAt), sampleOf(now)))
    }
    await this.#database.write(operations, { durable: false })
  }

  /** The samples of a peer, the newest first. */
  async history(peer: string, limit: number): Promise<FleetSample[]> {
    const range = { gt: `${peer}/`, lt: `${peer}0`, reverse: true, limit }
    return await Array.fromAsync(this.#samples.values(range))
  }

  /** Removes what is too old or too many, and all of peers that are not among `pinned`. Returns how many samples. */
  async prune(pinned: ReadonlySet<string>, now: number): Promise<number> {
    const byPeer = new Map<string, string[]>()
    for await (const key of this.#samples.keys()) {
      const peer = key.slice(0, key.lastIndexOf('/'))
      const keys = byPeer.get(peer)
      if (keys === undefined) byPeer.set(peer, [key])
      else keys.push(key)
    }
    const oldest = now - MAX_SAMPLE_AGE_MS
    const kept: string[] = []
    const gone: string[] = []
    for (const [peer, keys] of byPeer) {
      const recent = pinned.has(peer) ? keys.slice(-MAX_SAMPLES_PER_PEER) : []
      const fresh = recent.filter((key) => timeOf(key) >= oldest)
      kept.push(...fresh)
      gone.push(...keys.slice(0, keys.length - fresh.length))
    }
    const surplus = kept.toSorted((a, b) => timeOf(a) - timeOf(b)).slice(0, -MAX_SAMPLES)
    const operations = [...gone, ...surplus].map((key) => this.#samples.del(key))
    for await (const peer of this.#standings.keys()) {
      if (!pinned.has(peer)) operations.push(this.#standings.del(peer))
    }
    if (operations.length > 0) await this.#database.write(operations, { durable: false })
    return gone.length + surplus.length
  }
}

function keyOf(peer: string, at: number): string {
  return `${peer}/${String(at).padStart(TIME_DIGITS, '0')}`
}

function timeOf(key: string): number {
  return Number(key.slice(-TIME_DIGITS))
}

function sampleOf({ reasons, rttMs, sampledAt, state, status }: Standing): FleetSample {
  return {
    at: sampledAt,
    state,
    reasons: reasons.slice(0, MAX_REASONS),
    ...(status === undefined ? {} : { software: status.software }),
    ...(rttMs === undefined ? {} : { rttMs }),
  }
}
