import { Agenda } from './agenda.ts'
import type { Job } from './job.ts'
import { scheduleText } from './job-state.ts'
import type { JobStore, Plan } from './job-store.ts'
import { jitterOf } from './jitter.ts'
import { decideDue } from './missed.ts'
import type { DueTime } from './missed.ts'
import { admit } from './overlap.ts'
import type { Run } from './run.ts'
import { nextAfter } from './schedule.ts'

/** The longest time between two looks, in ms: a clock that was set shows then. */
const LOOK_MS = 60_000

/** So many decisions share a write to the disk. */
const TOGETHER = 64

type PlanStore = Pick<JobStore, 'enqueue' | 'full' | 'openRuns' | 'plan' | 'state'>

/** What the planner needs done. */
export interface PlanActions {
  /** A run for a time that is due. */
  take: (job: Job, due: DueTime) => Run
  /** Ends all other runs of its job. */
  replace: (run: Run) => Promise<void>
}

/** Keeps which jobs there are and when each is to be looked at, and takes what is due. */
export class Planner {
  readonly #store: PlanStore
  #jobs: ReadonlyMap<string, Job> = new Map()
  #fed: readonly Job[] = []
  #agenda = new Agenda()

  constructor(store: PlanStore) {
    this.#store = store
  }

  /** The jobs of now on: each is looked at once more. */
  setJobs(jobs: ReadonlyMap<string, Job>): void {
    this.#jobs = jobs
    this.#fed = [...jobs.values()].filter(({ feed }) => feed !== undefined)
    this.touchAll()
  }

  /** Looks at a job once more that somebody else has changed. */
  touch(name: string): void {
    this.#agenda.set(name, 0)
  }

  touchAll(): void {
    this.#agenda = new Agenda()
    for (const name of this.#jobs.keys()) this.touch(name)
  }

  /** Takes what is due at `now`: each time has one decision, stored in one batch with the time that comes next. */
  async plan(now: number, actions: PlanActions): Promise<void> {
    const names = this.#agenda.come(now)
    for (let from = 0; from < names.length; from += TOGETHER) {
      const some = names.slice(from, from + TOGETHER)
      await Promise.all(some.map((name) => this.#planOne(name, now, actions)))
    }
  }

  /**
   * Takes up what is left to do for a time that was due. `goesOn` gives that time for a job that has more to do, and
   * `take` a run for it. Nothing goes on while the job is paused.
   */
  async goOn(
    goesOn: (job: Job) => number | undefined,
    take: (job: Job, dueAt: number) => Run,
  ): Promise<void> {
    const store = this.#store
    for (const job of this.#fed) {
      const dueAt = goesOn(job)
      if (dueAt === undefined || store.full || store.state(job.name).paused !== undefined) continue
      if (store.openRuns(job.name).length === 0) await store.enqueue(take(job, dueAt))
    }
  }

  /** When something is due, may start or ends after `now`; what has come already waits for something else. */
  nextLook(now: number): number {
    const runs = this.#store.openRuns().flatMap(({ job, readyAt, state }) => {
      if (state !== 'queued') return [this.#store.state(job).active?.lease.expiresAt ?? now]
      return [readyAt, readyAt + (this.#jobs.get(job)?.limits.queueMs ?? 0)]
    })
    const times = [this.#agenda.next ?? now, ...runs]
    return Math.min(now + LOOK_MS, ...times.filter((at) => at > now))
  }

  async #planOne(name: string, now: number, actions: PlanActions): Promise<void> {
    const job = this.#jobs.get(name)
    const isDue = this.#store.state(name).nextAt !== undefined
    // Thousands may wait for room: none of them is gone into before there is some.
    if (job === undefined || (isDue && this.#store.full)) return
    await planJob(this.#store, job, now, actions)
    const { nextAt } = this.#store.state(name)
    const startsAt =
      nextAt === undefined ? undefined : nextAt + jitterOf(name, nextAt, job.jitterMs)
    if (startsAt === undefined || startsAt > now) this.#agenda.set(name, startsAt)
  }
}

async function planJob(
  store: PlanStore,
  job: Job,
  now: number,
  actions: PlanActions,
): Promise<void> {
  const { name, schedule, zone } = job
  const { nextAt, paused, schedule: known } = store.state(name)
  const text = scheduleText(job)
  if (!job.enabled || paused !== undefined) {
    if (nextAt !== undefined) await store.plan(name, planOf(text, undefined))
    return
  }
  if (nextAt === undefined || known !== text) {
    const first = nextAfter(schedule, zone, now)
    if (first !== nextAt || known !== text) await store.plan(name, planOf(text, first))
    return
  }
  // The time that counts is the one at which it starts.
  const decision = decideDue(job, nextAt, now - jitterOf(name, nextAt, job.jitterMs))
  if (decision.nextAt === nextAt) return
  const passedOverAt = decision.passedOver ? now : undefined
  const { due } = decision
  if (due === undefined) {
    await store.plan(name, planOf(text, decision.nextAt, passedOverAt))
    return
  }
  const admission = admit(job.overlap, job.missed.policy, due, store.openRuns(name).length)
  // Without room, a time stays due: the missed rule decides when there is some.
  if (admission === 'wait' || (admission !== 'skip' && store.full)) return
  if (admission === 'skip') {
    await store.plan(name, planOf(text, decision.nextAt, now))
    return
  }
  const run = actions.take(job, due)
  // No await may stand between what is known of the job and this line: two that look would take a time twice.
  const taken = await store.enqueue(run, planOf(text, decision.nextAt, passedOverAt))
  if (taken && admission === 'replace') await actions.replace(run)
}

function planOf(schedule: string, nextAt: number | undefined, passedOverAt?: number): Plan {
  return { schedule, nextAt, passedOverAt }
}
