import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Home } from '../home.ts'
import type { Pins } from '../pins.ts'
import { egressRefusal } from '../scheduler/egress.ts'
import type { JobHost } from '../scheduler/job-host.ts'
import type { Job } from '../scheduler/job.ts'
import { scheduleText } from '../scheduler/job-state.ts'
import type { JobState } from '../scheduler/job-state.ts'
import { LATE_MS } from '../scheduler/missed.ts'
import { hasUnusedFile } from '../scheduler/open-jobs.ts'
import { nextAfter } from '../scheduler/schedule.ts'
import { standingOf } from '../scheduler/standing.ts'
import { failed, minuteText, ok } from './finding.ts'
import type { Finding } from './finding.ts'

/** From so many runs in a row on that had no end of their own, their owner is told. */
const MANY_REPLACED = 3

/** What the check of the jobs looks at. */
export interface JobChecked {
  readonly jobs: Pick<JobHost, 'list' | 'problem' | 'reachOf' | 'state'>
  readonly pins: Pick<Pins, 'peers'>
  readonly clock: Pick<Clock, 'now'>
  readonly config: Pick<Config, 'scheduler'>
  readonly home: Pick<Home, 'jobs'>
}

/** The jobs that do not do what they are there for, and a jobs.yaml that is not in force. */
export function jobFindings(node: JobChecked): Finding[] {
  const { jobs } = node
  const all = jobs.list()
  const found = [
    ...unusedFindings(node),
    ...all.flatMap((job) => [
      ...standingFindings(node, job),
      ...replacedFindings(node, job),
      ...targetFindings(node, job),
    ]),
  ]
  if (jobs.problem !== undefined) return [failed(jobs.problem), ...found]
  if (found.length > 0) return found
  const on = all.filter(({ enabled }) => enabled).length
  return [ok(all.length === 0 ? 'there are none' : `${on} of ${all.length} are on`)]
}

/** A jobs.yaml beside a list that several nodes share: whoever edits it waits for nothing. */
function unusedFindings({ config, home }: JobChecked): Finding[] {
  if (!hasUnusedFile(config.scheduler, home)) return []
  const what = 'jobs.yaml is not used: the job list is on the NATS servers'
  return [{ state: 'warn', what, hint: `kith jobs import ${home.jobs}, then rm ${home.jobs}` }]
}

function standingFindings({ clock, jobs }: JobChecked, job: Job): Finding[] {
  const { name } = job
  const state = jobs.state(name)
  const { active, failures, nextAt = 0, paused } = state
  switch (standingOf(job, state, clock.now())) {
    case 'stuck': {
      const what = `${name} is stuck: nothing was heard of its run ${active?.run ?? ''} for too long`
      return [{ state: 'fail', what, hint: `kith jobs cancel ${active?.run ?? ''}` }]
    }
    case 'paused': {
      // A person has wanted it so.
      if (paused?.who !== 'scheduler') return []
      const hint = `kith jobs failures ${name}, then kith jobs resume ${name}`
      return [{ state: 'warn', what: `${name} is paused: ${paused.why}`, hint }]
    }
    case 'overdue': {
      const what = `${name} was due at ${minuteText(nextAt)}, and has not begun`
      return [{ state: 'warn', what, hint: 'kith jobs run-due' }]
    }
    case 'failing': {
      const runs = failures === 1 ? 'its last run' : `its last ${failures} runs`
      const what = `${name} is failing: ${runs} did not succeed`
      return [{ state: 'warn', what, hint: `kith jobs failures ${name}` }]
    }
    case 'waiting':
      return aheadFindings(job, state, clock.now())
    case 'busy':
    case 'disabled':
      return []
  }
}

/** Runs that take longer than the time between them: each is ended for the next, and none gets its work done. */
function replacedFindings({ jobs }: JobChecked, { enabled, name, overlap }: Job): Finding[] {
  const { paused, replaced } = jobs.state(name)
  if (!enabled || overlap !== 'replace' || paused !== undefined) return []
  if (replaced < MANY_REPLACED) return []
  const what = `${name} gets nothing done: each of its last ${replaced} runs was ended for the next one`
  return [{ state: 'warn', what, hint: `kith jobs edit ${name} --overlap skip` }]
}

/** Each time is decided on once: those that passed while the clock was ahead of time do not come again by themselves. */
function aheadFindings(job: Job, { nextAt = 0, schedule }: JobState, now: number): Finding[] {
  const { name } = job
  if (schedule !== scheduleText(job)) return []
  const first = nextAfter(job.schedule, job.zone, now + LATE_MS)
  if (first === undefined || first >= nextAt) return []
  const next = minuteText(nextAt)
  const what = `${name} is not due before ${next}: the clock was ahead, and has been set back since`
  return [{ state: 'warn', what, hint: `kith jobs pause ${name}, then kith jobs resume ${name}` }]
}

/** What keeps a job that is on from its target, or from those who are to start it: known before it runs. */
function targetFindings({ jobs, pins }: JobChecked, job: Job): Finding[] {
  const { enabled, name, runBy, target } = job
  if (!enabled) return []
  const found: Finding[] = []
  const named = new Map(pins.peers().map(({ pin }) => [pin.name, pin]))
  const refusal = egressRefusal(target, jobs.reachOf)
  if (refusal !== undefined) {
    found.push({ state: 'warn', what: `${name} cannot run: ${refusal}`, hint: editHint(name) })
  }
  if (target.kind === 'ask' && target.peer !== 'self' && !named.has(target.peer)) {
    const what = `${name} asks ${target.peer}, and nobody is pinned by that name`
    found.push({ state: 'warn', what, hint: editHint(name) })
  }
  for (const peer of runBy) {
    if (named.get(peer)?.allow.includes('job.run') === true) continue
    const what = `${peer} may not start ${name}: its pin does not allow job.run`
    found.push({ state: 'warn', what, hint: `kith peers allow ${peer} job.run` })
  }
  return found
}

function editHint(name: string): string {
  return `kith jobs edit ${name}`
}
