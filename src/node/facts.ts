import type { JobFact, NodeFacts, RunFact } from '../agent/ports.ts'
import { SOFTWARE } from '../protocol/software.ts'
import type { AskDesk } from './asks/ask-desk.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { reportJob } from './control/job-report.ts'
import type { Links } from './links.ts'
import type { Pins } from './pins.ts'
import type { JobHost } from './scheduler/job-host.ts'
import type { Job } from './scheduler/job.ts'
import type { Run } from './scheduler/run.ts'
import type { Self } from './self.ts'
import { hostZone } from './zone.ts'

/** Runs that an engine can look back on. */
const MAX_RUNS = 100

/** What is told of: a `KithNode` is one. */
export interface DescribedNode {
  readonly startedAt: number
  readonly self: Pick<Self, 'id' | 'words'>
  readonly config: Pick<Config, 'name'>
  readonly clock: Clock
  readonly pins: Pick<Pins, 'peers'>
  readonly links: Pick<Links, 'get'>
  readonly desk: Pick<AskDesk, 'facts'>
  readonly jobs: Pick<JobHost, 'list' | 'runs' | 'state'>
}

/** What the agent may tell of the node that it is the agent of. */
export function factsOf(node: DescribedNode): NodeFacts {
  return {
    describe: () => ({
      id: node.self.id,
      words: node.self.words.join(' '),
      software: SOFTWARE,
      uptimeMs: node.clock.now() - node.startedAt,
      ...(node.config.name === undefined ? {} : { name: node.config.name }),
    }),
    peers: () =>
      node.pins.peers().map(({ id, pin }) => ({
        name: pin.name,
        connected: id !== undefined && node.links.get(id) !== undefined,
      })),
    asks: async () => await node.desk.facts(),
    jobs: () => node.jobs.list().map((job) => factOf(node, job)),
    runs: async () => (await node.jobs.runs.list({}, MAX_RUNS)).runs.map(runFactOf),
    now: () => node.clock.now(),
    zone: hostZone,
  }
}

function factOf({ clock, jobs }: Pick<DescribedNode, 'clock' | 'jobs'>, job: Job): JobFact {
  const report = reportJob(job, jobs.state(job.name), clock.now())
  const { activeRun, lastSuccessAt, name, nextAt, schedule, standing, zone } = report
  return {
    ...{ name, standing, schedule: `${schedule} ${zone}` },
    running: activeRun !== undefined,
    ...(nextAt === undefined ? {} : { nextAt }),
    ...(lastSuccessAt === undefined ? {} : { lastSuccessAt }),
  }
}

function runFactOf({ by, dueAt, failure, job, run, state }: Run): RunFact {
  const failed = failure !== undefined && state !== 'succeeded'
  return { id: run, job, state, by, at: dueAt, ...(failed ? { why: failure.code } : {}) }
}
