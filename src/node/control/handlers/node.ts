import { QUICK_CHECKS, reportOf, runChecks } from '../../checks.ts'
import type { KithNode } from '../../node.ts'
import { openPairings } from './invites.ts'
import { reportJob } from '../job-report.ts'
import { reportPeer } from '../peer-report.ts'
import type { DaemonView } from './daemon.ts'
import type { NODE_ROUTES, StatusReport } from '../routes/node.ts'
import type { HandlersOf } from '../routes/route.ts'

export interface DaemonHooks {
  /** How long the start took. */
  readyAfterMs: () => number
  /** Begins to stop, and returns at once. */
  stop: () => void
  /** The daemon that serves this node with others, where one does. */
  daemon?: DaemonView
}

export function nodeHandlers(node: KithNode, init: DaemonHooks): HandlersOf<typeof NODE_ROUTES> {
  return {
    settings: async () => (await node.settings?.list()) ?? [],
    status: async () => await reportStatus(node, init.readyAfterMs()),
    doctor: async () => await reportOf(node),
    noteRefusal: async ({ by: who, task }) => {
      node.audit.refusedHere(who, `${task} is for a person`)
      return {}
    },
    stop: async () => {
      node.audit.record({ kind: 'stop', who: 'owner', what: 'the node was told to stop' })
      init.stop()
      return {}
    },
  }
}

/** All that `kith status` shows. `readyAfterMs` is how long the start took. */
export async function reportStatus(node: KithNode, readyAfterMs: number): Promise<StatusReport> {
  const { id, key, words } = node.self
  const findings = await runChecks(node, QUICK_CHECKS)
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
    components: node.health.components(),
    problems: findings
      .filter(({ state }) => state !== 'ok')
      .map(({ hint, what }) => ({ what, ...(hint === undefined ? {} : { hint }) })),
    asks: { ...asks, out: node.asker.pending },
    jobs: countJobs(node),
    peers: node.pins.peers().map((peer) => reportPeer(node, peer)),
    parts: node.parts.states(),
    ...(node.build === undefined ? {} : { build: node.build }),
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
