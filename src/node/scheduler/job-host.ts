import type { Logger } from 'pino'
import type { StandardPreset } from '../../agent/presets.ts'
import { KithError } from '../../protocol/errors.ts'
import { jobsText, jobText, unknownJob } from '../../store/jobs-edit.ts'
import { engineReach, engineSettings } from '../agent/engine-reach.ts'
import type { EngineReach } from './egress.ts'
import type { Alerts } from '../alerts.ts'
import type { AskDesk } from '../asks/ask-desk.ts'
import type { Config } from '../config.ts'
import type { Pins } from '../pins.ts'
import type { Surroundings } from '../surroundings.ts'
import type { DeliveryStore } from './delivery/delivery-store.ts'
import { FeedRunner } from './feed/feed-runner.ts'
import { FeedStore } from './feed/feed-store.ts'
import { alertOnEnd, settleResumed } from './job-alerts.ts'
import type { JobsEdit } from './jobs-file.ts'
import type { Job } from './job.ts'
import type { JobState } from './job-state.ts'
import type { JobStore } from './job-store.ts'
import type { OnceReport } from './once.ts'
import { retryRun } from './retry-run.ts'
import { isEnded } from './run.ts'
import type { Run } from './run.ts'
import { Results } from './results.ts'
import { AskRunner } from './runners/ask-runner.ts'
import type { AskRunnerComponents } from './runners/ask-runner.ts'
import { BackupRunner } from './runners/backup-runner.ts'
import type { BackupRunnerComponents } from './runners/backup-runner.ts'
import { CommandRunner } from './runners/command-runner.ts'
import { TargetRunner } from './runners/target-runner.ts'
import { WebhookRunner } from './runners/webhook-runner.ts'
import type { Runs } from './runs.ts'
import { Scheduler } from './scheduler.ts'
import { mayStartJobs } from './wanted.ts'

export interface JobHostComponents extends Pick<
  Surroundings,
  'clock' | 'database' | 'jobs' | 'random' | 'randomBytes'
> {
  alerts: Pick<Alerts, 'raise' | 'settle'>
  backups: BackupRunnerComponents['backups']
  desk: Pick<AskDesk, 'ask' | 'asked' | 'cancel' | 'find'>
  deliveries: DeliveryStore
  leases: JobStore
  runs: Runs
  home: { path: string; workspace: string }
  modelOf: AskRunnerComponents['modelOf']
  pins: Pick<Pins, 'byName'>
  /** Takes secrets out of what a program says. */
  redacted: (text: string) => string
  log: Logger
}

export interface JobHostInit {
  config: Pick<Config, 'agent' | 'scheduler'>
  env: NodeJS.ProcessEnv
}

/** All that a node does by itself: the jobs of jobs.yaml as they stand there, and what runs them. */
export class JobHost {
  readonly scheduler: Scheduler
  readonly runs: Runs
  readonly results: Results
  readonly feeds: FeedStore
  /** How far the engine of this node reaches for an ask with this preset. */
  readonly reachOf: (preset: StandardPreset) => EngineReach
  readonly #components: JobHostComponents
  #problem: Error | undefined
  /** Whether jobs are to run when they are due, and whether something sees to it. */
  #wantsLoop = false
  #loops = false
  #stopWatching: () => Promise<void> = async () => undefined

  constructor(components: JobHostComponents, { config, env }: JobHostInit) {
    const { backups, clock, desk, home, leases, modelOf, redacted, runs } = components
    const { agent, scheduler } = config
    this.#components = components
    this.runs = runs
    this.reachOf = (preset) => engineReach(agent, preset)
    this.results = new Results({ ...components, env })
    const { results } = this
    const runner = new TargetRunner({
      ask: new AskRunner({ clock, desk, engineSettings: () => engineSettings(agent), modelOf }),
      backup: new BackupRunner({ backups }),
      command: new CommandRunner({ env, folder: home.workspace, home: home.path, redacted }),
      webhook: new WebhookRunner({ clock, env }),
      results,
      reachOf: this.reachOf,
    })
    this.feeds = new FeedStore(components.database)
    const feeding = new FeedRunner({
      ...{ ...components, runner, store: this.feeds },
      resultRows: results.rowsOf,
    })
    this.scheduler = new Scheduler(
      {
        ...{ ...components, runner: feeding, store: leases },
        goesOn: (job) => feeding.goesOn(job),
        mayStart: (peer) => mayStartJobs(components.pins.byName(peer), clock.now()),
        resultRows: feeding.rowsOf,
      },
      { jobs: [], workers: scheduler.workers },
    )
    this.scheduler.onEnd((run, here) => {
      if (here) results.ended(run)
      alertOnEnd(components.alerts, run, leases.state(run.job).paused)
    })
  }

  /**
   * Takes the jobs of jobs.yaml, now and at each change. They run when they are due, unless `loop` is false: then
   * `runDue` and `runOnce` run them.
   */
  async start({ loop }: { loop: boolean } = { loop: true }): Promise<void> {
    const { jobs: source, log } = this.#components
    this.#wantsLoop = loop
    this.results.start()
    const known = this.#components.leases.start()
    // A node is there for its peers too: it waits for no server.
    if (!loop) await known
    this.#stopWatching = await source.watch({
      onChange: (jobs) => {
        this.#take(jobs)
        log.info({ jobs: jobs.length }, 'jobs in force')
      },
      onInvalid: (err) => {
        this.#problem = err
        log.error({ err }, 'jobs file not taken, last good one kept')
      },
    })
  }

  /** Takes no more work, and resolves when nothing runs: after `drainMs`, what does is ended. */
  async stop(drainMs: number): Promise<void> {
    this.#wantsLoop = false
    this.#loops = false
    await this.#stopWatching()
    await this.scheduler.stop(drainMs)
    await this.results.stop()
    await this.#components.leases.stop()
  }

  /** Why the file on disk is not in force, if it is not. */
  get problem(): Error | undefined {
    return this.#components.leases.problem ?? this.#problem
  }

  /** Those in force, in the order of jobs.yaml. */
  list(): Job[] {
    return this.scheduler.jobs
  }

  /** @throws {KithError} `unknown-job` */
  get(name: string): Job {
    const job = this.list().find((one) => one.name === name)
    if (job === undefined) throw unknownJob(name)
    return job
  }

  state(name: string): JobState {
    return this.#components.leases.state(name)
  }

  /** Runs that have not ended. */
  get open(): Run[] {
    return this.#components.leases.openRuns()
  }

  /** A job's entry in jobs.yaml, with its comments. @throws {KithError} `unknown-job`, and as the file is read */
  async definition(name: string): Promise<string> {
    return jobText(await this.#components.jobs.document(), name)
  }

  /** All of jobs.yaml, with its comments. @throws {KithError} as the file is read */
  async text(): Promise<string> {
    return jobsText(await this.#components.jobs.document())
  }

  /** Changes jobs.yaml, and takes the change at once. @throws {KithError} as `editJobs` */
  async edit(edit: JobsEdit): Promise<void> {
    this.#take(await this.#components.jobs.edit(edit))
  }

  /** @throws {KithError} `unknown-job` */
  async pause(name: string, who: string, why: string): Promise<void> {
    await this.scheduler.pause(this.get(name).name, who, why)
  }

  /** @throws {KithError} `unknown-job` */
  async resume(name: string): Promise<void> {
    await this.scheduler.resume(this.get(name).name)
    settleResumed(this.#components.alerts, name)
  }

  /** Forgets the feeds of jobs that have been gone for long. Returns how many. */
  async pruneFeeds(): Promise<number> {
    // Jobs that cannot be read are not gone.
    if (this.problem !== undefined) return 0
    const jobs = new Set(this.list().map(({ name }) => name))
    return await this.feeds.prune(jobs, this.#components.clock.now())
  }

  /** Has the work of a run done again. @throws {KithError} as `retryRun` */
  async retry(id: string, by: string): Promise<Run> {
    return await retryRun(this.scheduler, this.runs, id, by)
  }

  /**
   * Starts a job for a peer, by its name, as far as the job lets it.
   *
   * @throws {KithError} `denied` for a job that is not for this peer, or that there is not: it cannot tell; and for
   *   one that is off or paused; as `Scheduler.runNow`
   */
  async runFor(peer: string, name: string): Promise<Run> {
    const job = this.list().find((one) => one.name === name && one.runBy.includes(peer))
    if (job === undefined) throw denied('run_by', `${name} is not for ${peer}`)
    if (!job.enabled) throw denied('enabled', `${name} is off`)
    if (this.state(name).paused !== undefined) throw denied('paused', `${name} is paused`)
    return await this.scheduler.runNow(name, { by: peer, cause: 'peer' })
  }

  /** Takes what is due now, and resolves when that has ended, with what ran or waited before. */
  async runDue(signal: AbortSignal): Promise<OnceReport> {
    const dueBy = this.#components.clock.now()
    const runs: Run[] = []
    for (;;) {
      await this.scheduler.look({ dueBy })
      // What comes due meanwhile is for the loop.
      const pending = this.scheduler.pending().filter(({ dueAt }) => dueAt <= dueBy)
      if (pending.length === 0) return { runs, refused: [] }
      const ends = pending.map(async ({ run }) => await this.ended(run, signal))
      runs.push(...(await Promise.all(ends)))
    }
  }

  /** A run once it has ended. @throws {KithError} as `find`; the signal's reason */
  async ended(id: string, signal: AbortSignal): Promise<Run> {
    const { promise, reject, resolve } = Promise.withResolvers<Run>()
    // It may be rejected when nobody waits for it yet, or any more.
    promise.catch(() => undefined)
    const onAbort = (): void => {
      reject(signal.reason as Error)
    }
    const unlisten = this.scheduler.onEnd((run) => {
      if (run.run === id) resolve(run)
    })
    signal.addEventListener('abort', onAbort)
    try {
      signal.throwIfAborted()
      // After the listener is there: no end comes between the two.
      const known = await this.find(id)
      return isEnded(known) ? known : await promise
    } finally {
      unlisten()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** @throws {KithError} `unknown-run`; `store-failed` when what is stored is no longer how it stands */
  async find(id: string): Promise<Run> {
    const { failure } = this.#components.database
    if (failure !== undefined) throw failure
    const run = await this.runs.get(id)
    if (run !== undefined) return run
    const hint = { hint: 'kith jobs runs' }
    throw new KithError('unknown-run', `there is no run ${id}`, { run: id }, hint)
  }

  #take(jobs: readonly Job[]): void {
    this.#problem = undefined
    this.scheduler.setJobs(jobs)
    // Not before they are known: to a scheduler without jobs, what waits is of none. And nothing to do needs no loop.
    const idle = jobs.length === 0 && this.open.length === 0
    if (this.#loops || !this.#wantsLoop || idle) return
    this.#loops = true
    this.scheduler.start()
  }
}

function denied(rule: string, why: string): KithError<'denied'> {
  return new KithError('denied', why, { rule })
}
