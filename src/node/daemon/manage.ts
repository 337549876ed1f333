import { spawn } from 'node:child_process'
import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { KithError, toError } from '../../protocol/errors.ts'
import { ControlClient } from '../control/client.ts'
import type { DaemonReport, StartReport } from '../control/routes/daemon.ts'
import { baseOf, homeOf, socketIn } from '../home.ts'
import { processMark } from '../supervisor/process-identity.ts'
import { assertNoDaemon, readDaemonRecord } from './daemon-record.ts'
import type { DaemonRecord } from './daemon-record.ts'

/** Wait between two looks at a daemon that starts or stops, in ms. */
const LOOK_MS = 50

/** A daemon answers its socket within this, in ms, unless it is stuck. */
const ANSWER_MS = 2_000

/** Opening sealed keys and large stores takes seconds; a start that takes longer than this is told as failed. */
const READY_MS = 120_000

/** A daemon that drains for as long as it may, and ends itself by force after that, is gone by then. */
const GONE_MS = 120_000

/** One that was told by signal, because its socket does not answer, has this long before it is killed, in ms. */
const SIGNAL_MS = 20_000

export interface ManageInit {
  env: NodeJS.ProcessEnv
  signal?: AbortSignal
}

export interface StartInit extends ManageInit {
  /** What starts kith: Node and the script. */
  program: readonly string[]
  /** Written to its standard input, as lines of `readPassphraseLines`. */
  passphrases: string
}

/** The daemon of this home as it answers; undefined when none runs. @throws {KithError} `stopping` when it is stuck */
export async function daemonReport({ env }: ManageInit): Promise<DaemonReport | undefined> {
  const base = baseOf(env)
  const client = new ControlClient({ socket: socketIn(base, 'daemon'), home: base })
  try {
    return await client.call('daemon', {}, AbortSignal.timeout(ANSWER_MS))
  } catch (err) {
    const record = await readDaemonRecord(base)
    if (record === undefined) return undefined
    const hint = { cause: err, hint: 'kith daemon stop' }
    const what = `the daemon, process ${record.pid}, does not answer`
    throw new KithError('stopping', what, {}, hint)
  }
}

/**
 * Starts a daemon that outlives this process, and waits until every profile of it runs or has failed.
 *
 * @throws {KithError} `locked` while one runs already
 */
export async function startDaemon(init: StartInit): Promise<StartReport> {
  const { env, passphrases, program, signal } = init
  const base = baseOf(env)
  await assertNoDaemon(base)
  const { logs } = homeOf(env, undefined)
  await mkdir(logs, { recursive: true, mode: 0o700 })
  // What it cannot log any more, such as that V8 has no memory left, is found here.
  const errorLog = join(logs, 'daemon-stderr.log')
  const errors = await open(errorLog, 'w', 0o600)
  const [node = process.execPath, ...script] = program
  const args = [...script, '--home', base, 'daemon', 'start', '--foreground', '--passphrase-stdin']
  const child = spawn(node, args, {
    cwd: '/',
    detached: true,
    env,
    stdio: ['pipe', 'ignore', errors.fd],
  })
  await errors.close()
  // One that ends at once does not read it.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(passphrases)
  let ended: string | undefined
  child.once('error', (err) => {
    ended = err.message
  })
  child.once('exit', (code, by) => {
    ended = `it ended with ${by ?? `code ${code ?? 0}`}`
  })
  const deadline = Date.now() + READY_MS
  const report = await until(deadline, signal, async () => {
    if (ended !== undefined) return 'ended'
    const daemon = await daemonReport(init).catch(() => undefined)
    // Another one was quicker: ours is about to end.
    if (daemon?.readyAfterMs === undefined || daemon.pid !== child.pid) return undefined
    return daemon
  })
  child.unref()
  if (report === 'ended') await assertNoDaemon(base)
  const pid = child.pid ?? 0
  const none = { pid, ready: false, readyAfterMs: null }
  if (report === undefined) return { ...none, reason: 'it is not ready yet: kith daemon status' }
  if (report === 'ended') {
    const why = (await readFile(errorLog, 'utf8')).split('\n', 1)[0] ?? ''
    return { ...none, reason: `${ended ?? 'it ended'}: ${why === '' ? `see ${logs}` : why}` }
  }
  return standing(report)
}

/** Has the daemon follow the profiles on disk. @throws {KithError} `daemon-not-running` */
export async function reloadDaemon({ env }: ManageInit): Promise<DaemonReport> {
  const base = baseOf(env)
  if ((await readDaemonRecord(base)) === undefined) throw notRunning(base)
  const client = new ControlClient({ socket: socketIn(base, 'daemon'), home: base })
  return await client.call('reloadDaemon', {})
}

/** How a daemon stands that is another process than `not`, once it is ready; undefined when there is none in time. */
export async function awaitReady(
  init: ManageInit,
  { not, withinMs = READY_MS }: { not: number; withinMs?: number },
): Promise<StartReport | undefined> {
  return await until(Date.now() + withinMs, init.signal, async () => {
    const daemon = await daemonReport(init).catch(() => undefined)
    if (daemon?.readyAfterMs === undefined || daemon.pid === not) return undefined
    return standing(daemon)
  })
}

/** How a daemon that has started stands. */
export function standing(daemon: DaemonReport): StartReport {
  const { pid, profiles, readyAfterMs } = daemon
  const failed = profiles.filter(({ state }) => state !== 'running')
  const why = failed.map(({ failure, name, state }) => `${name}: ${failure ?? state}`).join('; ')
  if (profiles.length === 0) {
    return { pid, ready: false, readyAfterMs: null, reason: 'there is no profile', daemon }
  }
  if (failed.length > 0) return { pid, ready: false, readyAfterMs: null, reason: why, daemon }
  return { pid, ready: true, readyAfterMs: Math.round(readyAfterMs ?? 0), reason: null, daemon }
}

/**
 * Tells the daemon to stop and waits until its process is gone; one that hangs is ended by force. Gives how it ended.
 *
 * @throws {KithError} `daemon-not-running`; `stopping` when it is still there
 */
export async function stopDaemon(init: ManageInit): Promise<{ pid: number; forced: boolean }> {
  const { env, signal } = init
  const base = baseOf(env)
  const record = await readDaemonRecord(base)
  if (record === undefined) throw notRunning(base)
  const { mark, pid } = record
  const isGone = async (): Promise<true | undefined> =>
    processMark(pid) === mark ? undefined : true
  if ((await tell(base, record)) && (await until(Date.now() + GONE_MS, signal, isGone)) === true)
    return { pid, forced: false }
  // Looked at anew right before each signal: the process may have ended, and another may have its id by now.
  for (const kill of ['SIGTERM', 'SIGKILL'] as const) {
    if (processMark(pid) !== mark) return { pid, forced: true }
    process.kill(pid, kill)
    if ((await until(Date.now() + SIGNAL_MS, signal, isGone)) === true) return { pid, forced: true }
  }
  throw new KithError('stopping', `process ${pid} does not end`, {}, { hint: `kill -9 ${pid}` })
}

/** True when whoever answers the socket is the daemon of this record, and will stop. */
async function tell(base: string, { token }: DaemonRecord): Promise<boolean> {
  const client = new ControlClient({ socket: socketIn(base, 'daemon'), home: base })
  try {
    const report = await client.call('daemon', {}, AbortSignal.timeout(ANSWER_MS))
    if (report.token !== token) return false
    await client.call('stopDaemon', {}, AbortSignal.timeout(ANSWER_MS))
    return true
  } catch {
    return false
  }
}

function notRunning(base: string): KithError<'daemon-not-running'> {
  const hint = { hint: 'kith daemon start' }
  return new KithError('daemon-not-running', `no daemon serves ${base}`, { home: base }, hint)
}

/** What `look` finds, as soon as it finds something; undefined when the time is over. */
async function until<T>(
  deadline: number,
  signal: AbortSignal | undefined,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() >= deadline) return undefined
    try {
      await delay(LOOK_MS, undefined, signal === undefined ? {} : { signal })
    } catch (err) {
      throw toError(signal?.reason ?? err)
    }
  }
}
