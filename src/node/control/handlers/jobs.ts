import { OWNER_NAME } from '../../../agent/ports.ts'
import { jobRunEnd } from '../../../protocol/verbs.ts'
import { unknownPeer } from '../../asks/ask-desk.ts'
import type { Audit } from '../../audit/audit.ts'
import type { Caller } from '../../caller.ts'
import type { Clock } from '../../clock.ts'
import type { Pins } from '../../pins.ts'
import type { JobHost } from '../../scheduler/job-host.ts'
import type { Run } from '../../scheduler/run.ts'
import { nextTimes } from '../../scheduler/schedule.ts'
import { reportJob, reportRun } from '../job-report.ts'
import { withResult } from '../result-report.ts'
import type { JOB_ROUTES, JobReport, RunReport } from '../routes/jobs.ts'
import type { HandlersOf } from '../routes/route.ts'

/** How long a peer has for its answer. */
const TIMEOUT_MS = 10_000

/** Runs that a reader of the stream may be behind, before the stream ends. */
const MAX_BEHIND = 1_000

export interface JobNode {
  readonly audit: Pick<Audit, 'record'>
  readonly jobs: JobHost
  readonly clock: Clock
  readonly caller: Pick<Caller, 'call'>
  readonly pins: Pick<Pins, 'byName'>
}

export function jobHandlers(node: JobNode): HandlersOf<typeof JOB_ROUTES> {
  const { audit, caller, clock, jobs, pins } = node
  const reported = (name: string): JobReport =>
    reportJob(jobs.get(name), jobs.state(name), clock.now())
  const told = async (run: Run): Promise<RunReport> =>
    await withResult(jobs.results, reportRun(run))
  const reportAll = (): JobReport[] => jobs.list().map(({ name }) => reported(name))
  return {
    jobs: async () => {
      const reports = reportAll()
      // None is in force because none could be read: that is not the same as none.
      if (reports.length === 0 && jobs.problem !== undefined) throw jobs.problem
      return reports
    },
    showJob: async ({ job }) => ({
      ...reported(job),
      definition: await jobs.definition(job),
    }),
    editJobs: async (edit) => {
      await jobs.edit(edit)
      return reportAll()
    },
    exportJobs: async () => ({ yaml: await jobs.text() }),
    nextTimes: async ({ count, job }) => {
      const { schedule, zone } = jobs.get(job)
      return { zone, times: nextTimes(schedule, zone, clock.now(), count) }
    },
    pauseJob: async ({ job, why }) => {
      await jobs.pause(job, OWNER_NAME, why)
      return reported(job)
    },
    resumeJob: async ({ job }) => {
      await jobs.resume(job)
      return reported(job)
    },
    runJob: async ({ job }) => await told(await jobs.scheduler.runNow(job)),
    runPeerJob: async ({ job, peer: name }, signal) => {
      const peer = pins.byName(name)
      if (peer === undefined) throw unknownPeer(name)
      const options = { deadlineMs: TIMEOUT_MS, once: true, signal } as const
      const { run } = await caller.call(peer, 'job.run', { job }, jobRunEnd, options)
      return { peer: name, job, run }
    },
    runDue: async (_input, signal) => {
      const { refused, runs } = await jobs.runDue(signal)
      return { refused, runs: await Promise.all(runs.map(told)) }
    },
    runs: async ({ limit, ...query }) => {
      const { cursor, runs } = await jobs.runs.list(query, limit)
      const reports = await Promise.all(runs.map(told))
      return { runs: reports, ...(cursor === undefined ? {} : { cursor }) }
    },
    runEvents: async (_input, signal) => ends(jobs, signal),
    showRun: async ({ run }) => await told(await jobs.find(run)),
    cancelRun: async ({ run }, signal) => {
      await jobs.scheduler.cancel(run)
      const what = 'a run of a job was cancelled'
      audit.record({ kind: 'cancel', who: 'owner', what, details: { run } })
      return await told(await jobs.ended(run, signal))
    },
    retryRun: async ({ run }) => await told(await jobs.retry(run, OWNER_NAME)),
  }
}

async function* ends(jobs: JobHost, signal: AbortSignal): AsyncGenerator<RunReport> {
  const ended: Run[] = []
  let wake = (): void => undefined
  const unlisten = jobs.scheduler.onEnd((run) => {
    ended.push(run)
    wake()
  })
  const onAbort = (): void => {
    wake()
  }
  signal.addEventListener('abort', onAbort)
  try {
    while (!signal.aborted && ended.length <= MAX_BEHIND) {
      const next = ended.shift()
      if (next !== undefined) yield await withResult(jobs.results, reportRun(next))
      else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    unlisten()
    signal.removeEventListener('abort', onAbort)
  }
}
