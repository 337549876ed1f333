import { runChecks, verdictOf } from '../../checks.ts'
import type { KithNode } from '../../node.ts'
import { openPairings } from './invites.ts'
import { reportJob } from '../job-report.ts'
import { reportPeer } from '../peer-report.ts'
import type { NODE_ROUTES, StatusReport } from '../routes/node.ts'
import type { HandlersOf } from '../routes/route.ts'

export interface DaemonHooks {
  /** How long the start took. */
  readyAfterMs: () => number
  /** Begins to stop, and returns at once. */
  stop: () => void
}

export function nodeHandlers(node: KithNode, init: DaemonHooks): HandlersOf<typeof NODE_ROUTES> {
  return {
    status: async () => await reportStatus(node, init.readyAfterMs()),
    doctor: async () => {
      const findings = await runChecks(node)
      return { state: verdictOf(findings), findings }
    },
    stop: async () => {
      init.stop()
      return {}
    },
  }
}

/** All that `kith status` shows. `readyAfterMs` is how long the start took. */
export async function reportStatus(node: KithNode, readyAfterMs: number): Promise<StatusReport> {
  const { id, key, words } = node.self
  const findings = await runChecks(node)
  const { asks, engine, health, software, uptimeMs } = node.summary()
  return {
    ...(node.config.name === undefined ? {} : { name: node.config.name }),
    id,
    key,
    words,
    software,
    pid: process.pid,
    home: node.home.path,
    startedAt: node.startedAt,
    uptimeMs,
    readyAfterMs,
    listening: node.mesh.addresses(),
    lobby: node.lobby.open ? 'open' : 'shut',
    engine,
    health,
    problems: findings
      .filter(({ state }) => state !== 'ok')
      .map(({ hint, what }) => ({ what, ...(hint === undefined ? {} : { hint }) })),
    asks: { ...asks, out: node.asker.pending },
    jobs: countJobs(node),
    peers: node.pins.peers().map((peer) => reportPeer(node, peer)),
    pairings: openPairings(node),
  }
}

function countJobs({ clock, jobs }: Pick<KithNode, 'clock' | 'jobs'>): StatusReport['jobs'] {
  const reports = jobs.list().map((job) => reportJob(job, jobs.state(job.name), clock.now()))
  const times = reports.flatMap(({ nextAt }) => nextAt ?? [])
  const { open } = jobs
  const running = open.filter(({ state }) => state === 'running').length
  return {
    on: reports.filter(({ enabled }) => enabled).length,
    running,
    queued: open.length - running,
    ...(times.length === 0 ? {} : { nextAt: Math.min(...times) }),
  }
}
