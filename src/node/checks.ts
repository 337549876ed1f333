import type { Alerts } from './alerts.ts'
import {
  approvalFindings,
  breakerFindings,
  budgetFindings,
  mcpFindings,
  shellFinding,
} from './checks/agent-checks.ts'
import type { AgentChecked } from './checks/agent-checks.ts'
import { alertFindings } from './checks/alert-check.ts'
import { backupFindings, restoreFindings } from './checks/backup-checks.ts'
import type { BackupChecked } from './checks/backup-checks.ts'
import { clockFindings } from './checks/clock-check.ts'
import type { MetChecked } from './checks/clock-check.ts'
import { diskFindings } from './checks/disk-check.ts'
import { fileModeFindings } from './checks/file-modes.ts'
import { attempt, countsOf, failed, ok, verdictOf } from './checks/finding.ts'
import type { CheckState, Counts, Finding } from './checks/finding.ts'
import { feedFindings } from './checks/feed-check.ts'
import type { FeedChecked } from './checks/feed-check.ts'
import { jobFindings } from './checks/job-checks.ts'
import type { JobChecked } from './checks/job-checks.ts'
import { keyFileFindings } from './checks/key-file-check.ts'
import { leftoverFindings } from './checks/leftovers.ts'
import { listenerFinding, lobbyFinding, peerFinding } from './checks/mesh-checks.ts'
import type { MeshChecked } from './checks/mesh-checks.ts'
import { modelFindings } from './checks/model-check.ts'
import type { ModelChecked } from './checks/model-check.ts'
import {
  configFindings,
  identityFindings,
  keyFindings,
  socketFindings,
} from './checks/own-checks.ts'
import type { OwnChecked } from './checks/own-checks.ts'
import {
  buildFindings,
  openFileFindings,
  partFindings,
  serviceFindings,
  settingFindings,
} from './checks/process-checks.ts'
import type { ProcessChecked } from './checks/process-checks.ts'
import { resultFindings } from './checks/result-check.ts'
import type { ResultChecked } from './checks/result-check.ts'
import { sizeFindings } from './checks/size-check.ts'
import { versionFindings } from './checks/version-check.ts'
import type { Config } from './config.ts'
import type { Home } from './home.ts'
import type { Pins } from './pins.ts'

/** What the checks look at: a `KithNode` is one. */
export interface CheckedNode
  extends
    MeshChecked,
    MetChecked,
    OwnChecked,
    ProcessChecked,
    AgentChecked,
    JobChecked,
    ResultChecked,
    FeedChecked,
    BackupChecked {
  readonly agent: AgentChecked['agent'] & ModelChecked['agent']
  readonly jobs: JobChecked['jobs'] & ResultChecked['jobs'] & FeedChecked['jobs']
  readonly links: MetChecked['links']
  readonly storeFailure: Error | undefined
  readonly storeFormat: number
  readonly pins: Pick<Pins, 'keysOf' | 'peers' | 'problem'>
  readonly alerts: Pick<Alerts, 'list'>
  readonly config: Pick<Config, 'agent' | 'backup' | 'listen' | 'lobby' | 'scheduler'>
  readonly home: Home
}

export interface Check {
  name: string
  /** It walks through folders: `kith doctor` looks, `kith status` does not. */
  walks?: true
  /** At least one finding: what is well is said too. */
  run: (node: CheckedNode) => Finding[] | Promise<Finding[]>
}

/** All that was found, with the name of the check that found it. */
export interface CheckReport {
  /** The worst of all. */
  state: CheckState
  counts: Counts
  findings: NamedFinding[]
}

export type NamedFinding = Finding & { check: string }

/** All checks, what the rest depends on first. `kith status` shows what is not well, `kith doctor` everything. */
export const CHECKS: readonly Check[] = [
  {
    name: 'store',
    run: ({ storeFailure, storeFormat: format }) => [
      storeFailure === undefined ? ok('takes writes', { format }) : failed(storeFailure),
    ],
  },
  { name: 'identity', run: identityFindings },
  { name: 'config', run: ({ config, home }) => configFindings(home, config.backup) },
  { name: 'parts', run: partFindings },
  { name: 'settings', run: settingFindings },
  { name: 'build', run: (node) => buildFindings(node) },
  { name: 'open-files', run: () => openFileFindings() },
  { name: 'service', walks: true, run: async () => await serviceFindings(process.env) },
  {
    name: 'peers-file',
    run: ({ pins: { problem } }) => [
      problem === undefined ? ok('is in force as it is on disk') : failed(problem),
    ],
  },
  { name: 'listener', run: (node) => [listenerFinding(node)] },
  { name: 'control-socket', run: socketFindings },
  { name: 'key-files', run: async ({ home }) => await keyFileFindings(home.path) },
  { name: 'file-modes', walks: true, run: async ({ home }) => await fileModeFindings(home.path) },
  { name: 'keys', run: keyFindings },
  { name: 'lobby', run: (node) => [lobbyFinding(node)] },
  {
    name: 'peers',
    run: (node) => {
      const findings = node.pins.peers().map((peer) => peerFinding(node, peer))
      return findings.length > 0 ? findings : [ok('nobody is pinned')]
    },
  },
  { name: 'clock', run: clockFindings },
  { name: 'versions', run: versionFindings },
  { name: 'disk', run: ({ home }) => diskFindings(home.path) },
  { name: 'sizes', walks: true, run: ({ home }) => sizeFindings(home) },
  {
    name: 'leftovers',
    walks: true,
    run: ({ clock, home }) => leftoverFindings(home.path, clock.now()),
  },
  { name: 'shell', run: async ({ config }) => [await shellFinding(config.agent)] },
  { name: 'models', run: modelFindings },
  { name: 'mcp', run: mcpFindings },
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

/** Those that are quick enough for what looks often. */
export const QUICK_CHECKS = CHECKS.filter(({ walks }) => walks !== true)

/** What all `checks` find of this node. */
export async function reportOf(
  node: CheckedNode,
  checks: readonly Check[] = CHECKS,
): Promise<CheckReport> {
  const findings = await runChecks(node, checks)
  return { state: verdictOf(findings), counts: countsOf(findings), findings }
}

/** Findings of all `checks`, in their order. A check that breaks is a finding of its own. */
export async function runChecks(
  node: CheckedNode,
  checks: readonly Check[] = CHECKS,
): Promise<NamedFinding[]> {
  const found = await Promise.all(
    checks.map(async ({ name, run }) => {
      const findings = await attempt(async () => await run(node))
      return findings.map((finding) => ({ check: name, ...finding }))
    }),
  )
  return found.flat()
}
