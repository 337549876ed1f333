import type { Logger } from 'pino'
import { KithError } from '../../protocol/errors.ts'
import type { Database } from '../../store/database.ts'
import type { Alerts } from '../alerts.ts'
import { artifactOf, reviewed } from './artifact.ts'
import type { Artifact, Review } from './artifact.ts'
import { ArtifactStore } from './artifact-store.ts'
import { Deliverer } from './delivery/deliverer.ts'
import { afterReview, deliveriesOf, revived, sinkText } from './delivery/delivery.ts'
import type { Delivery } from './delivery/delivery.ts'
import type { DeliveryStore } from './delivery/delivery-store.ts'
import { deliver } from './delivery/sinks.ts'
import type { SinkComponents } from './delivery/sinks.ts'
import type { Job } from './job.ts'
import type { Run } from './run.ts'
import type { ResultRows } from './runner.ts'

/** Results that may wait for a person before they are delivered: these are never dropped. */
export const MAX_HELD_RESULTS = 256

/** Deliveries that may be on their way: where a place is gone for long, jobs wait for it and not the disk. */
export const MAX_OPEN_DELIVERIES = 1_000

/** So long after a peer came, its coming again hastens nothing, in ms. */
const CAME_AGAIN_MS = 60_000

/** What is too old or too much goes this often, in ms, and after so many results. */
const PRUNE_MS = 3_600_000
const PRUNE_RESULTS = 200

export interface ResultsComponents extends Omit<SinkComponents, 'artifacts'> {
  database: Database
  deliveries: DeliveryStore
  alerts: Pick<Alerts, 'raise' | 'settle'>
  /** In [0, 1). */
  random: () => number
  log: Logger
}

/** What the runs of jobs have made: kept, looked at by a person, and handed on. */
export class Results {
  readonly artifacts: ArtifactStore
  readonly deliveries: DeliveryStore
  readonly #components: ResultsComponents
  readonly #deliverer: Deliverer
  #cancelPrune: () => void = () => undefined
  /** What goes on beside the calls. */
  #working: Promise<void> = Promise.resolve()
  #sincePrune = 0
  /** When a peer came to which something was to go, by its name. */
  readonly #cameAt = new Map<string, number>()
  #prunes = false

  constructor(components: ResultsComponents) {
    const artifacts = new ArtifactStore(components.database)
    this.#components = components
    this.artifacts = artifacts
    this.deliveries = components.deliveries
    this.#deliverer = new Deliverer({
      ...components,
      deliver: async (delivery, signal) =>
        await deliver({ ...components, artifacts }, delivery, signal),
      onDead: (delivery) => {
        this.#alertOnDead(delivery)
      },
    })
  }

  start(): void {
    this.#deliverer.start()
    this.#cancelPrune = this.#components.clock.every(PRUNE_MS, () => {
      this.#prune()
    })
  }

  /** Resolves when nothing is on its way. What was cut short is tried again after the next start. */
  async stop(): Promise<void> {
    this.#cancelPrune()
    await this.#working
    await this.#deliverer.stop()
  }

  /** The changes that store what a run has made and where that goes, in one batch with its end. */
  readonly rowsOf: ResultRows = (job, run, outcome) => {
    const made = outcome.state === 'succeeded' && job.artifact.keep ? outcome.made : undefined
    const { finalAt = 0 } = run
    const artifact = made === undefined ? undefined : artifactOf(job, run.run, made, finalAt)
    const order = this.deliveries.nextOrder()
    const rows = this.deliveries.add(deliveriesOf(job, run, artifact, order))
    if (artifact === undefined || made === undefined) return rows
    return [...rows, ...this.artifacts.add(artifact, made)]
  }

  /** To be told of each run once its end is on disk: what it has made is handed on from then on. */
  ended({ run }: Pick<Run, 'run'>): void {
    this.#work(async () => {
      await this.deliveries.take(run)
      for (const row of await this.deliveries.ofRun(run)) {
        if (row.state === 'dead') this.#alertOnDead(row)
      }
      this.#deliverer.wake()
    })
    if (++this.#sincePrune >= PRUNE_RESULTS) this.#prune()
  }

  /** A peer is there again: what could not reach it need not wait longer. */
  peerCame(peer: string): void {
    const now = this.#components.clock.now()
    const isFor = ({ state, to }: Delivery): boolean =>
      state === 'waiting' && to.kind === 'peer' && to.peer === peer
    const runs = new Set(this.deliveries.open().flatMap((row) => (isFor(row) ? [row.run] : [])))
    // One that comes and goes would use up all tries in no time. A clock that was set back counts as a later one.
    if (runs.size === 0 || Math.abs(now - (this.#cameAt.get(peer) ?? 0)) < CAME_AGAIN_MS) return
    this.#cameAt.set(peer, now)
    this.#work(async () => {
      for (const run of runs) {
        const next = (row: Delivery): Delivery | undefined =>
          isFor(row) ? { ...row, nextAt: now } : undefined
        await this.deliveries.change(run, next)
      }
      this.#deliverer.wake()
    })
  }

  /** Resolves once what has ended by now was tried to deliver: for those who stop when the runs have ended. */
  async settle(): Promise<void> {
    await this.#working
    await this.#deliverer.settle()
  }

  /** @throws {KithError} `list-full` for a job whose results wait for a person or a place, when too many do */
  assertRoom({ deliver: rules, name }: Pick<Job, 'deliver' | 'name'>): void {
    if (rules.length > 0 && this.deliveries.open().length >= MAX_OPEN_DELIVERIES) {
      const why = `${MAX_OPEN_DELIVERIES} deliveries are on their way: ${name} makes no more`
      const hint = { hint: 'kith jobs runs' }
      throw new KithError('list-full', why, { limit: MAX_OPEN_DELIVERIES }, hint)
    }
    if (rules.every(({ when }) => when !== 'accepted')) return
    if (this.held.size < MAX_HELD_RESULTS) return
    const why = `${MAX_HELD_RESULTS} results wait for a review: ${name} makes no more`
    const hint = { hint: 'kith artifacts list --unreviewed' }
    throw new KithError('list-full', why, { limit: MAX_HELD_RESULTS }, hint)
  }

  /** Runs whose results wait for a person before they are delivered, the oldest first. */
  get held(): Set<string> {
    return new Set(
      this.deliveries.open().flatMap(({ run, state }) => (state === 'held' ? run : [])),
    )
  }

  /**
   * Stores what a person says of a result, and lets go or takes back what waited for it. On disk when this resolves.
   * There is no other way to it: no tool, no verb and no job calls it.
   *
   * @throws {KithError} `unknown-artifact`
   */
  async review(run: string, review: Review, by: string): Promise<Artifact> {
    const now = this.#components.clock.now()
    const artifact = reviewed(await this.artifacts.find(run), review, by, now)
    await this.deliveries.change(run, (row) => afterReview(row, review.verdict, now), [
      this.artifacts.put(artifact),
    ])
    this.#deliverer.wake()
    return artifact
  }

  /** Has the dead deliveries of a run tried again. Resolves with them once that is on disk. */
  async redeliver(run: string): Promise<Delivery[]> {
    const { alerts, clock } = this.#components
    const now = clock.now()
    const again = await this.deliveries.change(run, (row) => revived(row, now))
    alerts.settle('delivery-dead', ({ what }) => again.length > 0 && what.includes(run))
    this.#deliverer.wake()
    return again
  }

  /** Drops what is over the caps, and tells the owner of what nobody had looked at, and of what never arrived. */
  async prune(): Promise<void> {
    const { alerts, clock, log } = this.#components
    const now = clock.now()
    const dead = (await this.deliveries.prune(now)).filter(({ failed }) => failed)
    if (dead.length > 0) {
      log.warn({ deliveries: dead.length }, 'deliveries forgotten that did not arrive')
      alerts.raise({
        kind: 'results-dropped',
        what: `deliveries were forgotten that did not arrive: ${countsOf(dead)}`,
        hint: 'kith artifacts list',
      })
    }
    const dropped = await this.artifacts.prune(now, (run) => this.deliveries.awaits(run))
    if (dropped.length === 0) return
    log.warn({ results: dropped.length }, 'results dropped that nobody had looked at')
    alerts.raise({
      kind: 'results-dropped',
      what: `results were dropped that nobody had looked at: ${countsOf(dropped)}`,
      hint: 'kith artifacts list --unreviewed',
    })
  }

  /** Once, however often it is wanted before it begins. */
  #prune(): void {
    this.#sincePrune = 0
    if (this.#prunes) return
    this.#prunes = true
    this.#work(async () => {
      this.#prunes = false
      await this.prune()
    })
  }

  #work(work: () => Promise<void>): void {
    this.#working = this.#working.then(work).catch((err: unknown) => {
      this.#components.log.error({ err }, 'results could not be looked after')
    })
  }

  #alertOnDead(row: Delivery): void {
    this.#components.alerts.raise({
      kind: 'delivery-dead',
      what: deadText(row),
      hint: `kith artifacts deliver ${row.run}`,
    })
  }
}

function deadText({ job, run, to }: Delivery): string {
  return `the result of ${job}, run ${run}, did not arrive at ${sinkText(to)}`
}

/** How many there are of each job. */
function countsOf(rows: readonly { job: string }[]): string {
  return [...Map.groupBy(rows, ({ job }) => job)]
    .map(([job, { length }]) => `${job} ${length}`)
    .join(', ')
}
