import { z } from 'zod'
import { isUuidV7 } from '../../../protocol/uuid.ts'
import { RUN_CAUSES, RUN_STATES } from '../../scheduler/run.ts'
import { STANDINGS } from '../../scheduler/standing.ts'
import { deliveryReport } from './artifacts.ts'
import { at, nothing, peerName, route, streamRoute } from './route.ts'

const text = z.string()
const jobName = z.string().min(1).max(64)
const runId = z.string().refine(isUuidV7, { message: 'no id of a run' })
const failure = z.strictObject({ code: text, why: text })

export const jobReport = z.strictObject({
  name: jobName,
  enabled: z.boolean(),
  /** In one line: `manual`, `every 1h`, `daily 03:00`, `weekly mon,fri 03:00` or `cron 0 3 * * *`. */
  schedule: text,
  zone: text,
  /** What it does, in one line. */
  target: text,
  standing: z.enum(STANDINGS),
  paused: z.exactOptional(z.strictObject({ who: text, why: text, at })),
  /** When it starts next, its jitter included. */
  nextAt: z.exactOptional(at),
  lastSuccessAt: z.exactOptional(at),
  /** Runs in a row that have failed. */
  failures: z.int(),
  activeRun: z.exactOptional(text),
})

export const runReport = z.strictObject({
  run: text,
  job: jobName,
  cause: z.enum(RUN_CAUSES),
  /** Who wanted it: `self`, or a peer's name. */
  by: text,
  /** The time it is for, and when it may begin. */
  dueAt: at,
  readyAt: at,
  state: z.enum(RUN_STATES),
  /** Attempts that have begun. */
  attempts: z.int(),
  claimedAt: z.exactOptional(at),
  /** Where its last attempt began, of nodes that share their jobs. */
  node: z.exactOptional(text),
  finalAt: z.exactOptional(at),
  /** Of the last attempt that failed, also where a later one did not. */
  failure: z.exactOptional(failure),
  /** Its result, in one line. */
  summary: z.exactOptional(text),
  retryOf: z.exactOptional(text),
  /** Id of what it has made. */
  artifact: z.exactOptional(text),
  /** Where what it has made goes. */
  deliveries: z.exactOptional(z.array(deliveryReport)),
})

/** A job, or changes of one, as jobs.yaml has them: looked at when the file is. */
const row = z.record(z.string(), z.unknown())

/** Changes of jobs.yaml, as `store/jobs-edit.ts` makes them. */
export const jobEdit = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('add'), job: row }),
  /** Keys that are null are taken out. */
  z.strictObject({ op: z.literal('change'), name: jobName, changes: row }),
  z.strictObject({ op: z.literal('remove'), name: jobName }),
  /** Takes the jobs of another jobs.yaml; with `replace`, those alone, and else beside those that there are. */
  z.strictObject({ op: z.literal('import'), text, replace: z.boolean() }),
  /** Puts the one job of another jobs.yaml in the place of this one. */
  z.strictObject({ op: z.literal('put'), name: jobName, text }),
])

export const timesReport = z.strictObject({ zone: text, times: z.array(at) })

const jobPath = z.strictObject({ job: jobName })
const runPath = z.strictObject({ run: runId })
const wholeNumber = z.coerce.number().int().nonnegative()

/** `true` as a query has it. */
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((word) => word === 'true')])

export const JOB_ROUTES = {
  jobs: route('GET', '/v1/jobs', nothing, z.array(jobReport)),
  showJob: route(
    'GET',
    '/v1/jobs/:job',
    jobPath,
    /** `definition`: its entry in jobs.yaml. */
    jobReport.extend({ definition: text }),
  ),
  /** Gives all jobs there are then. */
  editJobs: route('POST', '/v1/jobs/edit', jobEdit, z.array(jobReport)),
  /** All of jobs.yaml, or of the list that several nodes share, with its comments. */
  exportJobs: route('GET', '/v1/job-list', nothing, z.strictObject({ yaml: text })),
  /** When it is due next, whether it is on or not. */
  nextTimes: route(
    'GET',
    '/v1/jobs/:job/next',
    jobPath.extend({ count: z.coerce.number().int().min(1).max(1_000).default(5) }),
    timesReport,
  ),
  pauseJob: route('POST', '/v1/jobs/:job/pause', jobPath.extend({ why: text.max(500) }), jobReport),
  /** Forgets its failures, too. */
  resumeJob: route('POST', '/v1/jobs/:job/resume', jobPath, jobReport),
  runJob: route('POST', '/v1/jobs/:job/run', jobPath, runReport),
  /** Has a peer run one of its jobs: the id is that of its run. */
  runPeerJob: route(
    'POST',
    '/v1/peers/:peer/jobs/:job/run',
    jobPath.extend({ peer: peerName }),
    z.strictObject({ peer: peerName, job: jobName, run: text }),
  ),
  /** Answers when all that is due now has ended. */
  runDue: route(
    'POST',
    '/v1/jobs/run-due',
    nothing,
    z.strictObject({ runs: z.array(runReport), refused: z.array(jobName) }),
  ),
  /** The newest first; all that is given has to fit. */
  runs: route(
    'GET',
    '/v1/runs',
    z.strictObject({
      job: z.exactOptional(jobName),
      failed: z.exactOptional(flag),
      cause: z.exactOptional(z.enum(RUN_CAUSES)),
      by: z.exactOptional(text),
      since: z.exactOptional(wholeNumber),
      until: z.exactOptional(wholeNumber),
      cursor: z.exactOptional(runId),
      limit: z.coerce.number().int().min(1).max(1_000).default(100),
    }),
    z.strictObject({ runs: z.array(runReport), cursor: z.exactOptional(text) }),
  ),
  /** Runs as they end, from now on. */
  runEvents: streamRoute('/v1/runs/events', nothing, runReport),
  showRun: route('GET', '/v1/runs/:run', runPath, runReport),
  /** Answers when it has ended. */
  cancelRun: route('POST', '/v1/runs/:run/cancel', runPath, runReport),
  /** Gives the new run. */
  retryRun: route('POST', '/v1/runs/:run/retry', runPath, runReport),
}

export type JobReport = z.infer<typeof jobReport>
export type RunReport = z.infer<typeof runReport>
export type TimesReport = z.infer<typeof timesReport>
