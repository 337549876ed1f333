import type { Alerts } from './alerts.ts'
import {
  approvalFindings,
  breakerFindings,
  budgetFindings,
  shellFinding,
} from './checks/agent-checks.ts'
import type { AgentChecked } from './checks/agent-checks.ts'
import { alertFindings } from './checks/alert-check.ts'
import { backupFindings, restoreFindings } from './checks/backup-checks.ts'
import type { BackupChecked } from './checks/backup-checks.ts'
import { attempt, failed, ok } from './checks/finding.ts'
import type { CheckState, Finding } from './checks/finding.ts'
import { feedFindings } from './checks/feed-check.ts'
import type { FeedChecked } from './checks/feed-check.ts'
import { jobFindings } from './checks/job-checks.ts'
import type { JobChecked } from './checks/job-checks.ts'
import { keyFileFindings } from './checks/key-file-check.ts'
import { listenerFinding, lobbyFinding, peerFinding } from './checks/mesh-checks.ts'
import type { MeshChecked } from './checks/mesh-checks.ts'
import { modelFindings } from './checks/model-check.ts'
import type { ModelChecked } from './checks/model-check.ts'
import { resultFindings } from './checks/result-check.ts'
import type { ResultChecked } from './checks/result-check.ts'
import type { Config } from './config.ts'
import type { Home } from './home.ts'
import type { Pins } from './pins.ts'

/** What the checks look at: a `KithNode` is one. */
export interface CheckedNode
  extends MeshChecked, AgentChecked, JobChecked, ResultChecked, FeedChecked, BackupChecked {
  readonly agent: AgentChecked['agent'] & ModelChecked['agent']
  readonly jobs: JobChecked['jobs'] & ResultChecked['jobs'] & FeedChecked['jobs']
  readonly storeFailure: Error | undefined
  readonly pins: Pick<Pins, 'keysOf' | 'peers' | 'problem'>
  readonly alerts: Pick<Alerts, 'list'>
  readonly config: Pick<Config, 'agent' | 'listen' | 'lobby' | 'scheduler'>
  readonly home: Pick<Home, 'jobs' | 'path'>
}

export interface Check {
  name: string
  /** At least one finding: what is well is said too. */
  run: (node: CheckedNode) => Finding[] | Promise<Finding[]>
}

/** All checks, what the rest depends on first. `kith status` shows what is not well, `kith doctor` everything. */
export const CHECKS: readonly Check[] = [
  {
    name: 'store',
    run: ({ storeFailure }) => [
      storeFailure === undefined ? ok('takes writes') : failed(storeFailure),
    ],
  },
  {
    name: 'peers-file',
    run: ({ pins: { problem } }) => [
      problem === undefined ? ok('is in force as it is on disk') : failed(problem),
    ],
  },
  { name: 'listener', run: (node) => [listenerFinding(node)] },
  { name: 'key-files', run: async ({ home }) => await keyFileFindings(home.path) },
  { name: 'lobby', run: (node) => [lobbyFinding(node)] },
  {
    name: 'peers',
    run: (node) => {
      const findings = node.pins.peers().map((peer) => peerFinding(node, peer))
      return findings.length > 0 ? findings : [ok('nobody is pinned')]
    },
  },
  { name: 'shell', run: async ({ config }) => [await shellFinding(config.agent)] },
  { name: 'models', run: modelFindings },
  { name: 'breakers', run: breakerFindings },
  { name: 'approvals', run: approvalFindings },
  { name: 'budget', run: budgetFindings },
  { name: 'jobs', run: jobFindings },
  { name: 'feeds', run: feedFindings },
  { name: 'results', run: resultFindings },
  { name: 'backup', run: (node) => backupFindings(node) },
  { name: 'restore', run: (node) => restoreFindings(node) },
  { name: 'alerts', run: ({ alerts }) => alertFindings(alerts) },
]

/** Findings of all `checks`, in their order. A check that breaks is a finding of its own. */
export async function runChecks(
  node: CheckedNode,
  checks: readonly Check[] = CHECKS,
): Promise<(Finding & { check: string })[]> {
  const found = await Promise.all(
    checks.map(async ({ name, run }) => {
      const findings = await attempt(async () => await run(node))
      return findings.map((finding) => ({ check: name, ...finding }))
    }),
  )
  return found.flat()
}

/** The worst state of all. */
export function verdictOf(findings: readonly Finding[]): CheckState {
  const states = new Set(findings.map(({ state }) => state))
  if (states.has('fail')) return 'fail'
  return states.has('warn') ? 'warn' : 'ok'
}
