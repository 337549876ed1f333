import type { RunReport } from './control/api.ts'
import { reportRun } from './control/job-report.ts'
import { withRunningNode } from './running-node.ts'
import type { RunningNode, RunningNodeInit } from './running-node.ts'
import { exitCodeOf, runDue, runOnce } from './scheduler/once.ts'
import type { OnceReport } from './scheduler/once.ts'
import type { Run } from './scheduler/run.ts'

/** What a shell has for a program that SIGINT has ended: 128 + SIGINT. */
const INTERRUPTED = 130

export interface JobsOnceInit extends RunningNodeInit {
  /** Names of jobs; none for all that is due. */
  jobs: readonly string[]
  /** Told of each run as it ends. */
  onRun: (run: RunReport) => void
}

/**
 * Opens the node of a home without its schedule, runs jobs with all their attempts, and closes it. Resolves with the
 * exit code, and with the jobs that could not run now.
 *
 * @throws {KithError} `unknown-job`, before any has begun; `store-failed`; as `withRunningNode`
 */
export async function runJobsOnce(
  init: JobsOnceInit,
): Promise<{ exitCode: number; refused: string[] }> {
  return await withRunningNode(init, { loop: false }, async (running) => {
    const { node, stopping } = running
    if (node.jobs.problem !== undefined) throw node.jobs.problem
    for (const name of init.jobs) node.jobs.get(name)
    const stop = new AbortController()
    const work = run(running, init, stop.signal)
    const report = await Promise.race([work, stopping])
    if (typeof report !== 'string') {
      // What the disk has refused is in no report: nothing of it may pass for nothing that was due.
      if (node.storeFailure !== undefined) throw node.storeFailure
      // One whose end could not be stored has none, and the log has said why.
      const lost = node.jobs.open.some(({ state }) => state === 'running')
      return { ...report, exitCode: lost ? 1 : exitCodeOf(report) }
    }
    node.log.info({ by: report }, 'stopping')
    stop.abort()
    await node.jobs.stop(running.drainMs)
    return { ...(await work), exitCode: INTERRUPTED }
  })
}

async function run(
  { node }: RunningNode,
  init: Pick<JobsOnceInit, 'jobs' | 'onRun'>,
  signal: AbortSignal,
): Promise<OnceReport> {
  const { clock, jobs } = node
  const onRun = (ended: Run): void => {
    init.onRun(reportRun(ended))
  }
  const report =
    init.jobs.length === 0
      ? await runDue(jobs.scheduler, clock, signal, onRun)
      : await runOnce(jobs.scheduler, init.jobs, clock, signal, onRun)
  // What does not arrive now is tried again by the next node that runs here.
  await jobs.results.settle()
  return report
}
