import type { Logger } from 'pino'
import { SOFTWARE } from '../../protocol/software.ts'
import type { Database } from '../../store/database.ts'
import type { FleetReport, FleetRow, FleetSample } from '../control/routes/fleet.ts'
import type { Alerts } from '../alerts.ts'
import type { Clock } from '../clock.ts'
import type { Links } from '../links.ts'
import type { Peer, Pins } from '../pins.ts'
import { tellOfChange } from './fleet-alerts.ts'
import type { FleetConfig } from './fleet-config.ts'
import { FleetStore } from './fleet-store.ts'
import { hintsOf, isOffline, overallOf } from './hints.ts'
import { judge, shownStatus } from './judge.ts'
import type { Outcome } from './judge.ts'
import { look } from './look.ts'
import type { LookComponents } from './look.ts'
import { afterSample } from './standing.ts'
import type { Standing } from './standing.ts'

/** Time that a peer has to answer, in ms, unless somebody says otherwise. */
export const LOOK_TIMEOUT_MS = 5_000

/** How often peers are asked while somebody watches. */
const WATCH_MS = 5_000

/** A peer that refuses is asked again in every so-maniest round: what is refused is counted there. */
const REFUSED_ROUNDS = 60

const PRUNE_MS = 3_600_000

/** Peers are given this long to link after a start before one that is away counts. */
const FIRST_ROUND_MS = 10_000

/** A `KithNode`, once it has started. */
export interface FleetComponents extends LookComponents {
  pins: Pick<Pins, 'byName' | 'onChange' | 'peers'>
  links: LookComponents['links'] & Pick<Links, 'onChange'>
  alerts: Pick<Alerts, 'raise' | 'settle'>
  clock: Clock
  log: Logger
}

export interface FleetInit {
  config: FleetConfig
  database: Database
  /** Names of what is not as it should be here. */
  notReady: () => readonly string[]
}

/** How the pinned peers are: looks at them now and then, or when somebody wants to know, and alerts when it changes. */
export class Fleet {
  readonly #components: FleetComponents
  readonly #config: FleetConfig
  readonly #notReady: FleetInit['notReady']
  readonly #store: FleetStore
  readonly #startedAt: number
  #standings = new Map<string, Standing>()
  readonly #listeners = new Set<() => void>()
  readonly #looks = new Set<Promise<unknown>>()
  #stopping = new AbortController()
  #stops: (() => void)[] = []
  #watchers = 0
  #round = 0

  /** Only the clock of `components` is there yet. */
  constructor(components: FleetComponents, { config, database, notReady }: FleetInit) {
    this.#components = components
    this.#config = config
    this.#notReady = notReady
    this.#store = new FleetStore(database)
    this.#startedAt = components.clock.now()
  }

  /** Reads what is on disk, and begins to look. */
  async start(): Promise<void> {
    const { clock, links, pins } = this.#components
    this.#stopping = new AbortController()
    this.#standings = await this.#store.standings()
    this.#stops = [
      clock.after(FIRST_ROUND_MS, () => {
        this.#background(true)
      }),
      clock.every(this.#config.interval_seconds * 1_000, () => {
        this.#background(true)
      }),
      clock.every(WATCH_MS, () => {
        if (this.#watchers > 0) this.#background(false)
      }),
      clock.every(PRUNE_MS, () => {
        void this.#keepTrack(this.#prune())
      }),
      links.onChange(({ id }, up) => {
        const peer = pins.peers().find((candidate) => candidate.id === id)
        if (up && peer !== undefined) void this.#keepTrack(this.#lookAt([peer], { dial: false }))
      }),
      pins.onChange(() => {
        this.#tell()
      }),
    ]
  }

  /** Resolves when no look is under way. */
  async stop(): Promise<void> {
    for (const stop of this.#stops) stop()
    this.#stopping.abort()
    await Promise.all(this.#looks)
  }

  /** Asks every peer now, all at once, each within `timeoutMs`; then what is known. */
  async fresh(timeoutMs = LOOK_TIMEOUT_MS): Promise<FleetReport> {
    await this.#keepTrack(this.#lookAt(this.#peers(), { dial: true, timeoutMs }))
    return this.report()
  }

  /** What is known now. */
  report(): FleetReport {
    const own = { software: SOFTWARE, notReady: this.#notReady() }
    const rows = this.#peers().map((peer) => this.#row(peer))
    const at = this.#components.clock.now()
    return { at, state: overallOf(rows), rows, hints: hintsOf(rows, own) }
  }

  /** Samples of a pinned peer, the newest first. */
  async history(peer: Peer, limit: number): Promise<FleetSample[]> {
    return await this.#store.history(keyOf(peer), limit)
  }

  /** Calls `listener` when there may be news, and looks more often, until the returned function is called. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener)
    this.#watchers++
    return () => {
      this.#watchers--
      this.#listeners.delete(listener)
    }
  }

  #background(counts: boolean): void {
    if (counts) this.#round++
    const asksAll = counts && this.#round % REFUSED_ROUNDS === 1
    const peers = this.#peers().filter(
      (peer) => asksAll || this.#standings.get(keyOf(peer))?.state !== 'denied',
    )
    void this.#keepTrack(this.#lookAt(peers, { dial: false, counts }))
  }

  async #lookAt(
    peers: readonly Peer[],
    options: { dial: boolean; timeoutMs?: number; counts?: boolean },
  ): Promise<void> {
    const { dial, timeoutMs = LOOK_TIMEOUT_MS } = options
    const { signal } = this.#stopping
    const found = await Promise.all(
      peers.map(async (peer) => ({
        peer,
        outcome: await look(this.#components, peer, { dial, signal, timeoutMs }),
      })),
    )
    if (signal.aborted) return
    const verdicts = found.map(({ outcome, peer }) => judge(this.#factsOf(peer), outcome))
    // A network of our own that is gone says nothing of the peers behind it.
    const counts = options.counts === true && !isOffline(verdicts)
    await Promise.all(
      found.map(async ({ outcome, peer }, index) => {
        const verdict = verdicts[index]
        if (verdict !== undefined) await this.#take(peer, { outcome, verdict, counts })
      }),
    )
    this.#tell()
  }

  async #take(
    peer: Peer,
    {
      counts,
      outcome,
      verdict,
    }: { outcome: Outcome; verdict: ReturnType<typeof judge>; counts: boolean },
  ): Promise<void> {
    const { alerts, clock } = this.#components
    const key = keyOf(peer)
    const before = this.#standings.get(key)
    const answer =
      outcome.kind === 'answered'
        ? { status: shownStatus(outcome.status, outcome), rttMs: outcome.rttMs }
        : {}
    const intervalMs = this.#config.interval_seconds * 1_000
    const rule = { soakMs: this.#config.soak_hours * 3_600_000, gapMs: 5 * intervalMs }
    const now = afterSample(before, { at: clock.now(), verdict, counts, ...answer }, rule)
    this.#standings.set(key, now)
    // A freeze has an alert of its own.
    if (!peer.frozen) tellOfChange(alerts, peer.pin.name, before, now)
    await this.#store.keep(key, before, now)
  }

  #row(peer: Peer): FleetRow {
    const { id, pin } = peer
    const standing = this.#standings.get(keyOf(peer))
    const named = { name: pin.name, ...(id === undefined ? {} : { id }) }
    if (standing === undefined) {
      const [state, at] = ['never-seen' as const, this.#startedAt]
      const reasons = ['it was not asked yet']
      return { ...named, state, reasons, since: at, sampledAt: at, steady: { state, since: at } }
    }
    const { lastGood, lastOkAt, reasons, rttMs, sampledAt, since, state, status, steady } = standing
    return {
      ...named,
      ...{ state, reasons, since, sampledAt, steady },
      ...(standing.identityChanged === true ? { identityChanged: true as const } : {}),
      ...(lastOkAt === undefined ? {} : { lastOkAt }),
      ...(rttMs === undefined ? {} : { rttMs }),
      ...(status === undefined ? {} : { status }),
      ...(lastGood === undefined ? {} : { lastGood }),
    }
  }

  #factsOf({ frozen, id, key, pin, retired, unpinnedUsAt }: Peer): Parameters<typeof judge>[0] {
    return {
      ...{ name: pin.name, frozen, retired },
      otherKey: this.#components.dialer.state(pin.name)?.otherKey !== undefined,
      unpinnedUs: unpinnedUsAt !== undefined,
      met: id !== undefined && key !== undefined,
    }
  }

  #peers(): Peer[] {
    return [...this.#components.pins.peers()]
  }

  async #prune(): Promise<void> {
    const pinned = new Set(this.#peers().map(keyOf))
    for (const key of this.#standings.keys()) if (!pinned.has(key)) this.#standings.delete(key)
    await this.#store.prune(pinned, this.#components.clock.now())
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** What goes on in the background is no reason to fail, and the stop waits for it. */
  async #keepTrack(work: Promise<void>): Promise<void> {
    const done = work
      .catch((err: unknown) => {
        this.#components.log.error({ err }, 'the look at the fleet could not be stored')
      })
      .finally(() => this.#looks.delete(done))
    this.#looks.add(done)
    await done
  }
}

/** What a peer is kept under: it stays when it is renamed. */
function keyOf({ id, pin }: Peer): string {
  return id ?? pin.key ?? pin.name
}
