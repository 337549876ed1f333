import { existsSync } from 'node:fs'
import { isFailure } from '../protocol/errors.ts'
import type { Database } from '../store/database.ts'
import { withDatabaseCopy } from '../store/store-copy.ts'
import { readPeers } from '../store/peers-file.ts'
import { pino } from 'pino'
import { Alerts } from './alerts.ts'
import { BackupLog } from './backup/backup-log.ts'
import { CHECKS } from './checks.ts'
import type { CheckReport, NamedFinding } from './checks.ts'
import { shellFinding } from './checks/agent-checks.ts'
import { alertFindings } from './checks/alert-check.ts'
import { backupFindings } from './checks/backup-checks.ts'
import { diskFindings } from './checks/disk-check.ts'
import { fileModeFindings } from './checks/file-modes.ts'
import { attempt, countsOf, fail, ok, verdictOf, warn } from './checks/finding.ts'
import type { Finding } from './checks/finding.ts'
import { keyFileFindings } from './checks/key-file-check.ts'
import { leftoverFindings } from './checks/leftovers.ts'
import { configFindings, identityFindings } from './checks/own-checks.ts'
import { sizeFindings } from './checks/size-check.ts'
import { systemClock } from './clock.ts'
import { configSchema, readConfig } from './config.ts'
import type { Config } from './config.ts'
import { isDeadSocket } from './dead-socket.ts'
import type { Home } from './home.ts'
import { readOwnLog, retired } from './keys/own-log.ts'
import { readJobs } from './scheduler/jobs-file.ts'

export interface OfflineInit {
  home: Home
  env: NodeJS.ProcessEnv
  now: number
  /** Whether a node has the store open: it is not looked at then. */
  running: boolean
  /** The process of the daemon that serves this home, though no node of it answers. */
  daemon?: number
}

export interface OfflineReport extends CheckReport {
  /** Names of the checks that want a running node. */
  unchecked: string[]
}

interface OfflineHome extends OfflineInit {
  config: Config
}

interface OfflineCheck {
  name: string
  run: (home: OfflineHome) => Promise<Finding[]>
}

/** What can be told of a home without its node. Nothing of it writes to the home. */
export const OFFLINE_CHECKS: readonly OfflineCheck[] = [
  { name: 'identity', run: ownIdentity },
  { name: 'config', run: async ({ config, home }) => await configFindings(home, config.backup) },
  {
    name: 'peers-file',
    run: async ({ home }) => [ok(`${(await readPeers(home.peers)).length} are pinned`)],
  },
  {
    name: 'jobs',
    run: async ({ home }) => [ok(`${(await readJobs(home.jobs)).length} are in jobs.yaml`)],
  },
  { name: 'control-socket', run: staleSocket },
  { name: 'key-files', run: async ({ home }) => await keyFileFindings(home.path) },
  { name: 'file-modes', run: async ({ home }) => await fileModeFindings(home.path) },
  { name: 'disk', run: async ({ home }) => await diskFindings(home.path) },
  { name: 'sizes', run: async ({ home }) => await sizeFindings(home) },
  { name: 'leftovers', run: async ({ home, now }) => await leftoverFindings(home.path, now) },
  { name: 'shell', run: async ({ config }) => [await shellFinding(config.agent)] },
]

/** Checks of what is in the store, which are made of a copy of it. */
export const OFFLINE_STORE_CHECKS = ['store', 'backup', 'alerts'] as const

/** Every check of a home whose node does not run. @throws {KithError} `no-identity` where there is no node */
export async function checkOffline(init: OfflineInit): Promise<OfflineReport> {
  const { env, home } = init
  await readOwnLog(home.path).catch((err: unknown) => {
    if (isFailure(err, 'no-identity')) throw err
  })
  // What is wrong with it, its own check says.
  const config = await readConfig(home.config, env).catch(() => configSchema.parse({}))
  const findings: NamedFinding[] = []
  for (const { name, run } of OFFLINE_CHECKS) {
    const found = await attempt(async () => await run({ ...init, config }))
    findings.push(...found.map((finding) => ({ check: name, ...finding })))
  }
  if (!init.running && init.daemon === undefined)
    findings.push(...(await storeFindings({ ...init, config })))
  const looked = new Set(findings.map(({ check }) => check))
  return {
    state: verdictOf(findings),
    counts: countsOf(findings),
    findings,
    unchecked: CHECKS.map(({ name }) => name).filter((name) => !looked.has(name)),
  }
}

async function ownIdentity({ home }: OfflineHome): Promise<Finding[]> {
  const { events, state } = await readOwnLog(home.path)
  if (state.keyInForce === undefined) throw retired(state.id)
  return await identityFindings({ home, self: { events } })
}

async function staleSocket({ daemon, home, running }: OfflineHome): Promise<Finding[]> {
  if (daemon !== undefined) {
    const what = `nobody answers at ${home.socket}, and the daemon, process ${daemon}, serves it`
    return [fail(what, 'kith daemon status, then kith daemon restart', { pid: daemon })]
  }
  if (running || !(await isDeadSocket(home.socket))) return [ok('none is left behind')]
  const what = `${home.socket} is left of a node that was killed`
  return [warn(what, 'kith doctor --fix-safe', { path: home.socket })]
}

async function storeFindings(init: OfflineHome): Promise<NamedFinding[]> {
  const { store } = init.home
  if (!existsSync(store)) {
    return [{ check: 'store', ...ok('is made when the node starts for the first time') }]
  }
  const found: NamedFinding[] = []
  const failures = await attempt(async () => {
    await withDatabaseCopy(store, async (database) => {
      found.push({ check: 'store', ...ok('can be opened', { format: database.format }) })
      found.push(...(await readFindings(init, database)))
    })
    return []
  })
  return [...found, ...failures.map((finding) => ({ check: 'store', ...finding }))]
}

async function readFindings(
  { config, home, now }: OfflineHome,
  database: Database,
): Promise<NamedFinding[]> {
  const clock = { ...systemClock, now: () => now }
  const records = await BackupLog.open(database, clock)
  const log = pino({ level: 'silent' })
  const alerts = new Alerts({ database, clock, randomBytes: () => new Uint8Array(0), log })
  await alerts.start()
  const backups = { config: config.backup, records }
  const own = await readOwnLog(home.path).catch(() => undefined)
  const self = { events: own?.events ?? [] }
  const backup = await attempt(async () => backupFindings({ backups, clock, self }))
  return [
    ...backup.map((finding) => ({ check: 'backup', ...finding })),
    ...alertFindings(alerts).map((finding) => ({ check: 'alerts', ...finding })),
  ]
}
