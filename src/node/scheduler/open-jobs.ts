import { existsSync } from 'node:fs'
import type { Logger } from 'pino'
import type { Home } from '../home.ts'
import type { Surroundings } from '../surroundings.ts'
import type { JobStore } from './job-store.ts'
import type { JobsSource } from './jobs-file.ts'
import { LeaseStore } from './lease-store.ts'
import type { Runs } from './runs.ts'
import type { SchedulerConfig } from './scheduler-config.ts'

export interface OpenJobsComponents extends Pick<
  Surroundings,
  'clock' | 'database' | 'jobs' | 'random' | 'randomBytes'
> {
  runs: Runs
  log: Logger
}

export interface OpenJobsInit {
  config: SchedulerConfig
  home: Pick<Home, 'jobs'>
  /** What this node is called where it is seen with others. */
  node: string
}

/** The job list, and where the jobs stand: of this node, or of all that share them. Nothing has started. */
export async function openJobs(
  components: OpenJobsComponents,
  { config, home, node }: OpenJobsInit,
): Promise<{ jobs: JobsSource; leases: JobStore }> {
  const { jobs, log } = components
  if (config.engine === 'local') return { jobs, leases: await LeaseStore.open(components) }
  if (hasUnusedFile(config, home)) {
    log.warn({ path: home.jobs }, 'jobs.yaml is not used: the job list is on the servers')
  }
  // A node that shares no jobs never loads the client.
  const { NatsJobStore } = await import('./nats/nats-job-store.ts')
  const store = new NatsJobStore(components, { config: config.nats, node, env: process.env })
  return { jobs: store.list, leases: store }
}

/** True when there is a jobs.yaml that nobody reads. */
export function hasUnusedFile(
  { engine }: Pick<SchedulerConfig, 'engine'>,
  { jobs }: Pick<Home, 'jobs'>,
): boolean {
  return engine === 'nats' && existsSync(jobs)
}
