import type { Logger } from 'pino'
import { isFailure, KithError, toError } from '../../../protocol/errors.ts'
import type { Database } from '../../../store/database.ts'
import type { Clock } from '../../clock.ts'
import type { JobStoreListener } from '../job-store.ts'
import type { Run } from '../run.ts'
import type { Runs } from '../runs.ts'
import { blankRecord, decodeRecord, encodeRecord, jobOf, keyOf, LIST_KEY } from './job-record.ts'
import type { JobRecord } from './job-record.ts'
import { Link } from './link.ts'
import type { NatsConfig } from './nats-config.ts'
import { NatsJobList } from './nats-job-list.ts'
import { RunFeed } from './run-feed.ts'
import { Session } from './session.ts'
import type { Entry } from './session.ts'

/** Wait before a write that was cut off is sent again, in ms. */
const AGAIN_MS = 200

/** Bytes of chance in the id of a write. */
const NONCE_BYTES = 16

export interface SharedJobsComponents {
  database: Database
  runs: Runs
  clock: Clock
  /** In [0, 1). */
  random: () => number
  randomBytes: (count: number) => Uint8Array
  log: Logger
}

export interface SharedJobsInit {
  config: NatsConfig
  /** What this node is called where it is seen with the others. */
  node: string
  env: NodeJS.ProcessEnv
}

/** A record as this node knows it. `revision` is 0 where there is none yet. */
interface Known {
  record: JobRecord
  revision: number
}

/** What a record is to become; undefined for one that stays as it is. */
export type Change = (record: JobRecord) => JobRecord | undefined

/** The records of the jobs of several nodes, as the servers have them: all are known here, and changed there. */
export class SharedJobs {
  readonly list: NatsJobList
  readonly link: Link
  readonly #components: SharedJobsComponents
  readonly #feed: RunFeed
  readonly #listeners = new Set<JobStoreListener>()
  readonly #stopping = new AbortController()
  /** The last run of each job that is known to be filed. */
  readonly #filed = new Map<string, string>()
  #known = new Map<string, Known>()
  /** Records that cannot be read, as a later kith wrote them. */
  #unread = new Map<string, Error>()

  constructor(components: SharedJobsComponents, { config, env, node }: SharedJobsInit) {
    this.#components = components
    this.#feed = new RunFeed(components)
    const name = `nats:${config.prefix}-jobs/${LIST_KEY}`
    const nonce = (): string => this.#nonce()
    this.list = new NatsJobList({ name, nonce, session: () => this.link.session })
    this.link = new Link(components, {
      servers: config.servers.join(', '),
      open: async () => await Session.open(config, `kith ${node}`, env),
      onOpen: async (session) => {
        await this.#load(session)
      },
      onChange: () => {
        this.wake()
      },
    })
  }

  async start(): Promise<void> {
    await this.link.start()
  }

  /** Resolves when the connection is closed, and all that came over it stored. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.link.stop()
    await this.#feed.settled()
  }

  /** Why nothing can be decided here, if so. */
  get problem(): Error | undefined {
    const { fault, servers } = this.link
    if (fault === undefined) return this.list.fault ?? [...this.#unread.values()][0]
    const why = `the job list is on ${servers}, which cannot be reached: ${fault.message}`
    const hint = { hint: `see to nats-server there, and to scheduler.nats in config.yaml` }
    return new KithError('jobs-unreachable', why, { servers }, hint)
  }

  listen(listener: JobStoreListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Has those who listen look. */
  wake(): void {
    for (const { onChange } of this.#listeners) onChange()
  }

  record(job: string): JobRecord {
    return this.#knownOf(job).record
  }

  /** Runs that have not ended, the oldest first. */
  openRuns(job?: string): Run[] {
    const records = job === undefined ? [...this.#known.values()] : [this.#knownOf(job)]
    // An id begins with its time.
    return records.flatMap(({ record }) => record.open).sort((a, b) => (a.run < b.run ? -1 : 1))
  }

  /** Changes a record, whatever it is by now, and returns what it has become. Tries until `untilAt` when cut off. */
  async change(job: string, change: Change, untilAt = 0): Promise<JobRecord | undefined> {
    for (;;) {
      const written = await this.#write(job, this.#knownOf(job), change, untilAt)
      if (written !== 'outdated') return written
    }
  }

  /** Changes a record as it is known now. False when it is another by now: that one is known then. */
  async changeKnown(job: string, change: Change): Promise<boolean> {
    return (await this.#write(job, this.#knownOf(job), change, 0)) !== 'outdated'
  }

  /** A record as the servers have it. */
  async refresh(job: string): Promise<JobRecord> {
    const entry = await this.link.session.get('jobs', keyOf(job))
    // Somebody has taken it away there.
    if (entry === undefined || entry.text === '') {
      this.#known.set(job, { record: blankRecord(job), revision: entry?.revision ?? 0 })
    } else this.#keep(job, { record: decodeRecord(entry.text), revision: entry.revision })
    return this.record(job)
  }

  /** Stores the end of a run here, with what it has made, and where all nodes find it. */
  async takeEnded(run: Run, rows: Parameters<RunFeed['takeEnded']>[1]): Promise<void> {
    await this.#feed.takeEnded(run, rows)
    // Not before its record has it; and when it is cut off here, whoever writes that record next does it.
    await this.#file(run).catch((err: unknown) => {
      this.#components.log.debug({ err, job: run.job }, 'a run is filed later')
    })
  }

  async #write(
    job: string,
    known: Known,
    change: Change,
    untilAt: number,
  ): Promise<JobRecord | undefined | 'outdated'> {
    const id = this.#nonce()
    return await this.#patiently(untilAt, async () => {
      for (const run of known.record.ended) await this.#file(run)
      const record = change({ ...known.record, ended: [] })
      if (record === undefined) return undefined
      const entry = { key: keyOf(job), text: encodeRecord(record), revision: known.revision }
      const revision = await this.link.session.put('jobs', entry, id)
      if (revision === undefined) {
        await this.refresh(job)
        return 'outdated'
      }
      this.#keep(job, { record, revision })
      return record
    })
  }

  /** Does work that the end of a session may cut off. @throws {KithError} `jobs-unreachable` */
  async #patiently<T>(untilAt: number, work: () => Promise<T>): Promise<T> {
    const { clock } = this.#components
    for (;;) {
      try {
        return await work()
      } catch (err) {
        if (clock.now() >= untilAt || this.#stopping.signal.aborted) throw this.#unreachable(err)
        await clock.sleep(AGAIN_MS, this.#stopping.signal)
      }
    }
  }

  async #file(run: Run): Promise<void> {
    if (this.#filed.get(run.job) === run.run) return
    await this.#feed.file(this.link.session, run)
    this.#filed.set(run.job, run.run)
  }

  /** Reads all there is, and follows it from then on. */
  async #load(session: Session): Promise<void> {
    const known = new Map<string, Known>()
    const unread = new Map<string, Error>()
    let list = ''
    let loaded = false
    await this.list.ensure(session)
    await session.watch('jobs', 0, (entry) => {
      const job = jobOf(entry.key)
      if (entry.key === LIST_KEY) {
        list = entry.text
        // What runs of a job do is not to be seen before the job.
        if (loaded) this.list.take(list)
      }
      const isNews = job === undefined || this.#take(job, entry, known, unread)
      if (loaded && isNews) this.wake()
    })
    this.#known = known
    this.#unread = unread
    loaded = true
    for (const { record } of known.values()) {
      for (const run of record.ended) await this.#feed.file(session, run)
    }
    await this.#feed.follow(session, (run) => {
      for (const { onEnd } of this.#listeners) onEnd(run)
    })
    this.list.take(list)
  }

  /** Takes a record as it came. False when it was known, as one that was written here is. */
  #take(job: string, entry: Entry, all: Map<string, Known>, unread: Map<string, Error>): boolean {
    try {
      const record = decodeRecord(entry.text)
      unread.delete(job)
      return this.#keep(job, { record, revision: entry.revision }, all)
    } catch (err) {
      unread.set(job, new Error(`what stands of the job ${job} cannot be read`, { cause: err }))
      return true
    }
  }

  #keep(job: string, known: Known, all = this.#known): boolean {
    if (known.revision <= (all.get(job)?.revision ?? 0)) return false
    all.set(job, known)
    this.#feed.takeOpen(known.record.open)
    return true
  }

  #knownOf(job: string): Known {
    return this.#known.get(job) ?? { record: blankRecord(job), revision: 0 }
  }

  #nonce(): string {
    return Buffer.from(this.#components.randomBytes(NONCE_BYTES)).toString('hex')
  }

  #unreachable(err: unknown): KithError {
    if (isFailure(err)) return err
    const { servers } = this.link
    const why = `the job list on ${servers} did not answer as it should: ${toError(err).message}`
    return new KithError('jobs-unreachable', why, { servers }, { cause: err, hint: 'kith doctor' })
  }
}
