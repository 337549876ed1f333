import { singleLine } from '../../protocol/text.ts'
import type { Job, Target } from '../scheduler/job.ts'
import { scheduleText } from '../scheduler/job-state.ts'
import type { JobState } from '../scheduler/job-state.ts'
import { sinkText } from '../scheduler/delivery/delivery.ts'
import { jitterOf } from '../scheduler/jitter.ts'
import type { Run } from '../scheduler/run.ts'
import { nextAfter, scheduleLine } from '../scheduler/schedule.ts'
import { standingOf } from '../scheduler/standing.ts'
import type { JobReport, RunReport } from './routes/jobs.ts'

/** Longest line about what a job does, in UTF-16 units. */
const MAX_TARGET_CHARS = 120

/** How a job stands at `now`. */
export function reportJob(job: Job, state: JobState, now: number): JobReport {
  const { enabled, name, schedule, target, zone } = job
  const { active, failures, lastSuccessAt, paused } = state
  const nextAt = startsAt(job, state, now)
  return {
    name,
    enabled,
    schedule: scheduleLine(schedule),
    zone,
    target: singleLine(targetText(target), MAX_TARGET_CHARS),
    standing: standingOf(job, state, now),
    failures,
    ...(paused === undefined ? {} : { paused }),
    ...(nextAt === undefined ? {} : { nextAt }),
    ...(lastSuccessAt === undefined ? {} : { lastSuccessAt }),
    ...(active === undefined ? {} : { activeRun: active.run }),
  }
}

/** A run as those who look at it see it: without what only the scheduler counts. */
export function reportRun(run: Run): RunReport {
  const report: RunReport & { retries?: number } = { ...run }
  delete report.retries
  return report
}

/** When a job starts next, its jitter included; undefined for one that only a person starts, or that is off. */
function startsAt(job: Job, state: JobState, now: number): number | undefined {
  if (!job.enabled || state.paused !== undefined) return undefined
  const known = state.schedule === scheduleText(job) ? state.nextAt : undefined
  const dueAt = known ?? nextAfter(job.schedule, job.zone, now)
  return dueAt === undefined ? undefined : dueAt + jitterOf(job.name, dueAt, job.jitterMs)
}

function targetText(target: Target): string {
  switch (target.kind) {
    case 'ask':
      return `ask ${target.peer}: ${target.text}`
    case 'command':
      return `command ${target.argv.join(' ')}`
    case 'backup':
      return 'backup'
    case 'webhook':
      return sinkText(target)
  }
}
