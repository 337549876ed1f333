import type { JobState, Pause } from '../job-state.ts'
import type { Aftermath, Claim, EndRows, JobStore, JobStoreListener, Plan } from '../job-store.ts'
import { beatMs, expired } from '../lease.ts'
import type { Lease } from '../lease.ts'
import { isEnded } from '../run.ts'
import type { Outcome, Run } from '../run.ts'
import { conflict, isFull, planned, tooMany, withPause } from '../steps.ts'
import type { DueQueue, Token } from './due-queue.ts'
import { begun, concluded, useOf, withRun } from './job-record.ts'
import type { TokenUse } from './job-record.ts'
import type { NatsJobList } from './nats-job-list.ts'
import { SharedJobs } from './shared-jobs.ts'
import type { Change, SharedJobsComponents, SharedJobsInit } from './shared-jobs.ts'

/** Bytes of chance in the token of a lease. */
const TOKEN_BYTES = 16

/** How long after a claim that got nothing it is worth another look, in ms. */
const CLAIM_AGAIN_MS = 2_000

/** The message that goes with a lease of this node, and until when the lease is in force by its clock. */
interface Held {
  token: Token
  expiresAt: number
}

/**
 * The jobs of several nodes. A record for each job on the servers is the truth: it changes as a whole, and only over
 * the revision that was read, which is the fence. The lease of a run is its message in a work queue: its worker says
 * that it is at work, and the servers, by their clock alone, hand it to another node when they hear nothing. So the
 * clocks of nodes need not agree about leases.
 */
export class NatsJobStore implements JobStore {
  readonly shared = true
  readonly #components: SharedJobsComponents
  readonly #jobs: SharedJobs
  readonly #node: string
  /** By the token of the lease. */
  readonly #held = new Map<string, Held>()
  /** Messages of runs whose lease has run out at another node, by run: this one is to close them. */
  readonly #lapsed = new Map<string, Token>()
  /** When the lease of another node is looked at next, by job. */
  readonly #checks = new Map<string, { lease: string; at: number }>()
  #cancelWake = (): void => undefined

  constructor(components: SharedJobsComponents, init: SharedJobsInit) {
    this.#components = components
    this.#node = init.node
    this.#jobs = new SharedJobs(components, init)
  }

  async start(): Promise<void> {
    await this.#jobs.start()
  }

  async stop(): Promise<void> {
    this.#cancelWake()
    await this.#jobs.stop()
  }

  /** The job list, which stands on the servers too. */
  get list(): NatsJobList {
    return this.#jobs.list
  }

  get problem(): Error | undefined {
    return this.#jobs.problem
  }

  get full(): boolean {
    return isFull(this.openRuns())
  }

  listen(listener: JobStoreListener): () => void {
    return this.#jobs.listen(listener)
  }

  /** None: what a process left when it ended is found by its lease, as that of any other node. */
  takeLeft(): Run[] {
    return []
  }

  state(job: string): JobState {
    const { state } = this.#jobs.record(job)
    if (state.active === undefined) return state
    const { lease, run } = state.active
    return {
      ...state,
      active: { run, lease: { ...lease, expiresAt: this.#knownUntil(job, lease) } },
    }
  }

  openRuns(job?: string): Run[] {
    return this.#jobs.openRuns(job)
  }

  async expired(now: number): Promise<Run[]> {
    const runs: Run[] = []
    for (const run of this.openRuns()) {
      const { active } = this.state(run.job)
      if (active?.run !== run.run || !expired(active.lease, now)) continue
      // Its worker here was too late: from now on it is like the runs of other workers.
      this.#held.delete(active.lease.token)
      if (await this.#hasLapsed(run, active.lease)) runs.push(run)
      else this.#checkLater(run.job, active.lease)
    }
    return runs
  }

  async pause(job: string, pause: Pause | undefined): Promise<void> {
    await this.#jobs.change(job, (record) => ({ ...record, state: withPause(record.state, pause) }))
  }

  async plan(job: string, plan: Plan): Promise<void> {
    await this.#jobs.changeKnown(job, (record) => ({
      ...record,
      state: planned(record.state, plan),
    }))
  }

  async enqueue(run: Run, plan?: Plan): Promise<boolean> {
    if (this.full) throw tooMany()
    return await this.#jobs.changeKnown(run.job, (record) => {
      const state = plan === undefined ? record.state : planned(record.state, plan)
      return withRun({ ...record, state }, run)
    })
  }

  async claim(id: string, now: number, ttlMs: number): Promise<Claim> {
    const run = this.openRuns().find((open) => open.run === id)
    if (run?.state !== 'queued') throw conflict(id)
    const { active } = this.#jobs.record(run.job).state
    if (active !== undefined) throw conflict(active.run)
    await this.#queue.offer(run)
    const token = await this.#take(run.job, ttlMs, 'waiting')
    if (token === undefined) {
      // Another node has it. Should that one end before it says so, there is nothing else that wakes this one.
      this.#cancelWake()
      this.#cancelWake = this.#components.clock.after(CLAIM_AGAIN_MS, () => {
        this.#jobs.wake()
      })
      throw conflict(id)
    }
    const chance = Buffer.from(this.#components.randomBytes(TOKEN_BYTES)).toString('hex')
    const expiresAt = now + ttlMs
    let claim: Claim | undefined
    const change: Change = (record) => {
      const begin = begun(record, token, this.#node, { token: chance, expiresAt, ttlMs })
      claim = begin && { run: begin.run, lease: begin.lease }
      return begin?.record
    }
    await this.#jobs.change(run.job, change, expiresAt)
    if (claim === undefined) {
      await this.#settle(run.job, token)
      throw conflict(id)
    }
    this.#held.set(chance, { token, expiresAt })
    return claim
  }

  async renew({ lease, run }: Claim, now: number): Promise<boolean> {
    const held = this.#held.get(lease.token)
    if (held === undefined || now >= held.expiresAt) return false
    if (this.#jobs.record(run.job).state.active?.lease.token !== lease.token) {
      // Somebody has ended it.
      this.#held.delete(lease.token)
      await this.#settle(run.job, held.token)
      return false
    }
    try {
      await this.#queue.working(held.token)
      held.expiresAt = now + lease.ttlMs
    } catch (err) {
      // Two beats may be lost.
      this.#components.log.debug({ err, job: run.job }, 'a beat was not heard')
    }
    return this.#components.clock.now() < held.expiresAt
  }

  async finish(
    { lease, run }: Claim,
    outcome: Outcome,
    now: number,
    after: Aftermath,
    rowsOf?: EndRows,
  ): Promise<Run | undefined> {
    const held = this.#held.get(lease.token)
    if (held === undefined || now >= held.expiresAt) return undefined
    const untilAt = held.expiresAt
    return await this.#end(run, outcome, now, after, {
      ...(rowsOf && { rowsOf }),
      lease: lease.token,
      untilAt,
    })
  }

  async close(
    run: Run,
    outcome: Outcome,
    now: number,
    after: Aftermath,
    rowsOf?: EndRows,
  ): Promise<Run | undefined> {
    return await this.#end(run, outcome, now, after, rowsOf && { rowsOf })
  }

  get #queue(): DueQueue {
    return this.#jobs.link.session.queue
  }

  async #end(
    seen: Run,
    outcome: Outcome,
    now: number,
    after: Aftermath,
    {
      rowsOf = () => [],
      lease,
      untilAt = 0,
    }: { rowsOf?: EndRows; lease?: string; untilAt?: number } = {},
  ): Promise<Run | undefined> {
    let ended: Run | undefined
    const change: Change = (record) => {
      if (lease !== undefined && record.state.active?.lease.token !== lease) return undefined
      const end = concluded(record, seen, outcome, now, after)
      ended = end?.run
      return end?.record
    }
    if ((await this.#jobs.change(seen.job, change, untilAt)) === undefined) return undefined
    await this.#release(seen)
    if (ended !== undefined && isEnded(ended)) await this.#jobs.takeEnded(ended, rowsOf(ended))
    return ended
  }

  /** Takes the message of an attempt that has ended out of the queue, where this node has it. */
  async #release({ job, run }: Run): Promise<void> {
    const lapsed = this.#lapsed.get(run)
    this.#lapsed.delete(run)
    if (lapsed !== undefined) await this.#settle(job, lapsed)
    for (const [lease, { token }] of this.#held) {
      if (token.run !== run) continue
      this.#held.delete(lease)
      await this.#settle(job, token)
    }
  }

  /** Until when the lease of a job is known to be in force: that of another node is looked at then. */
  #knownUntil(job: string, lease: Lease): number {
    const held = this.#held.get(lease.token)
    if (held !== undefined) return held.expiresAt
    // Nobody knows, and nobody can do anything about it.
    if (this.problem !== undefined) return Number.MAX_SAFE_INTEGER
    const check = this.#checks.get(job)
    return check?.lease === lease.token ? check.at : this.#checkLater(job, lease)
  }

  #checkLater(job: string, lease: Lease): number {
    const at = this.#components.clock.now() + beatMs(lease)
    this.#checks.set(job, { lease: lease.token, at })
    return at
  }

  async #hasLapsed(run: Run, { token: lease, ttlMs }: Lease): Promise<boolean> {
    const token = await this.#take(run.job, ttlMs, 'lapsed')
    if (token !== undefined) {
      this.#lapsed.set(run.run, token)
      return true
    }
    if (!(await this.#queue.isEmpty(run.job))) return false
    // A message that is not there cannot run out: servers that lost their disk have lost the lease too.
    const record = await this.#jobs.refresh(run.job)
    return record.state.active?.lease.token === lease
  }

  /** What the queue has of a job for this use, if it has. All else goes back, or away when it is past. */
  async #take(job: string, ttlMs: number, use: TokenUse): Promise<Token | undefined> {
    const tokens = await this.#queue.take(job, ttlMs)
    if (tokens.length === 0) return undefined
    const record = await this.#jobs.refresh(job)
    const wanted = tokens.find((token) => useOf(token, record) === use)
    for (const token of tokens) if (token !== wanted) await this.#settle(job, token)
    return wanted
  }

  /** Takes a message out of the queue whose attempt has ended, and lets others have any other. */
  async #settle(job: string, token: Token): Promise<void> {
    try {
      if (useOf(token, this.#jobs.record(job)) === 'past') await this.#queue.acknowledge(token)
      else await this.#queue.giveBack(token)
    } catch (err) {
      // Whoever gets it next does the same.
      this.#components.log.debug({ err, job }, 'a message stays in the queue')
    }
  }
}
