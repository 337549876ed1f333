import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { KithError, toError } from '../../protocol/errors.ts'
import { baseOf } from '../home.ts'
import { LAUNCHD_LABEL, UNIT_NAME, unitPath } from './install-paths.ts'
import type { ServiceKind } from './install-paths.ts'
import { launchdPlist } from './launchd-plist.ts'
import { systemdUnit } from './systemd-unit.ts'

export interface ServiceInit {
  kind: ServiceKind
  env: NodeJS.ProcessEnv
  /** Absolute paths of Node and of kith's script. */
  program: readonly [node: string, script: string]
  /** Files of passphrases by profile. */
  credentials: ReadonlyMap<string, string>
  /** @default `/` */
  root?: string
}

/** What was done, and what could not be: the latter is for a person. */
export interface ServiceReport {
  path: string
  /** Commands that were run, in order. */
  ran: string[]
  /** Commands that failed, each with why. */
  failed: { command: string; why: string }[]
}

const run = promisify(execFile)

/**
 * The unit of a service, as it would be installed.
 *
 * @throws {KithError} `usage` for launchd with passphrases, and for a path that would be more than one line of the unit
 */
export function unitText(init: ServiceInit): string {
  const { credentials, env, kind, program } = init
  const home = baseOf(env)
  for (const path of [home, ...program, ...credentials.values()]) assertOneLine(path)
  if (kind !== 'launchd') {
    const user = kind === 'system' ? (env['SUDO_USER'] ?? userInfo().username) : undefined
    return systemdUnit({ kind, program, home, user, credentials })
  }
  if (credentials.size === 0) return launchdPlist({ program, home })
  const what = 'launchd hands on no passphrases: start sealed profiles by kith daemon start'
  throw new KithError('usage', what, { what })
}

/** Writes the unit, has it started now and at each boot or login. */
export async function installService(init: ServiceInit): Promise<ServiceReport> {
  const { env, kind, root } = init
  const path = unitPath(kind, env, root)
  await mkdir(dirname(path), { recursive: true })
  // It says where things are, and nothing secret.
  await writeFile(path, unitText(init), { mode: 0o644 })
  return { path, ...(await runAll(installCommands(kind, path))) }
}

/** Stops the service, takes it from what starts at boot, and removes its unit. */
export async function uninstallService(
  init: Pick<ServiceInit, 'env' | 'kind' | 'root'>,
): Promise<ServiceReport> {
  const { env, kind, root } = init
  const path = unitPath(kind, env, root)
  if (!(await isInstalled(path))) {
    throw new KithError('usage', `there is no service at ${path}`, { what: path })
  }
  const before = await runAll(
    kind === 'launchd'
      ? [['launchctl', 'bootout', `${domain()}/${LAUNCHD_LABEL}`]]
      : [systemctl(kind, 'disable', '--now', UNIT_NAME)],
  )
  await rm(path)
  const after = kind === 'launchd' ? [] : [systemctl(kind, 'daemon-reload')]
  const rest = await runAll(after)
  return {
    path,
    ran: [...before.ran, ...rest.ran],
    failed: [...before.failed, ...rest.failed],
  }
}

/** How the service of a home is known to its manager; undefined where no unit of any kind is installed. */
export async function serviceStanding(
  env: NodeJS.ProcessEnv,
  root?: string,
): Promise<{ kind: ServiceKind; path: string; enabled: boolean | undefined } | undefined> {
  for (const kind of ['user', 'system', 'launchd'] as const) {
    const path = unitPath(kind, env, root)
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text?.includes(baseOf(env)) !== true) continue
    if (kind === 'launchd') return { kind, path, enabled: true }
    const [program = '', ...args] = systemctl(kind, 'is-enabled', UNIT_NAME)
    const enabled = await run(program, args, { timeout: 5_000 }).then(
      ({ stdout }) => stdout.trim() === 'enabled',
      // It says `disabled` with code 1; without a manager it says nothing.
      (err: unknown) => (/disabled/.test(outOf(err)) ? false : undefined),
    )
    return { kind, path, enabled }
  }
  return undefined
}

function assertOneLine(path: string): void {
  if (!/\p{Cc}/u.test(path)) return
  const what = `a path with control characters cannot be in a unit: ${JSON.stringify(path)}`
  throw new KithError('usage', what, { what })
}

function installCommands(kind: ServiceKind, path: string): string[][] {
  if (kind === 'launchd') return [['launchctl', 'bootstrap', domain(), path]]
  const commands = [systemctl(kind, 'daemon-reload'), systemctl(kind, 'enable', '--now', UNIT_NAME)]
  // Without it the user's manager, and the node with it, ends with the last session (loginctl(1)).
  if (kind === 'user') commands.push(['loginctl', 'enable-linger'])
  return commands
}

function systemctl(kind: 'user' | 'system', ...args: string[]): string[] {
  return kind === 'user' ? ['systemctl', '--user', ...args] : ['systemctl', ...args]
}

function domain(): string {
  return `gui/${process.getuid?.() ?? 0}`
}

async function runAll(commands: readonly string[][]): Promise<Omit<ServiceReport, 'path'>> {
  const report: Omit<ServiceReport, 'path'> = { ran: [], failed: [] }
  for (const [program = '', ...args] of commands) {
    const command = [program, ...args].join(' ')
    try {
      await run(program, args, { timeout: 90_000 })
      report.ran.push(command)
    } catch (err) {
      report.failed.push({ command, why: outOf(err) || toError(err).message })
    }
  }
  return report
}

async function isInstalled(path: string): Promise<boolean> {
  return await readFile(path).then(
    () => true,
    () => false,
  )
}

/** What a program that failed has written. */
function outOf(err: unknown): string {
  const { stderr = '', stdout = '' } = err as { stderr?: string; stdout?: string }
  return `${stdout}${stderr}`.trim()
}
