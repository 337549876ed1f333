import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KithError, toError } from '../../protocol/errors.ts'
import { readPrivateFile, writePrivateFile } from '../../store/atomic-file.ts'
import type { DaemonReport, StartReport } from '../control/routes/daemon.ts'
import { baseOf } from '../home.ts'
import { readDaemonRecord } from './daemon-record.ts'
import { awaitReady, daemonReport, startDaemon, stopDaemon } from './manage.ts'
import type { ManageInit, StartInit } from './manage.ts'

/** Between two restarts, in ms: what the last one has not mended, the next one will not. */
const MIN_INTERVAL_MS = 30_000

/** What starts a daemon again that has ended does so within this, in ms: our unit has `RestartSec=5`. */
const AGAIN_MS = 7_000

const run = promisify(execFile)

/**
 * Stops the daemon by whoever has started it, so that it stays stopped.
 *
 * @throws {KithError} `stopping` when it is started again all the same; as `stopDaemon`
 */
export async function stopSupervised(init: ManageInit): Promise<{ pid: number; forced: boolean }> {
  const before = await daemonReport(init).catch(() => undefined)
  const command = before === undefined ? undefined : supervisorCommand(before, 'stop')
  if (before === undefined || command === undefined) return await stopDaemon(init)
  // Without the right to do so, it is told itself: a clean end is none that is made good.
  const byManager = await call(command).then(
    () => true,
    () => false,
  )
  if (byManager) return { pid: before.pid, forced: false }
  const stopped = await stopDaemon(init)
  const again = await awaitReady(init, { not: before.pid, withinMs: AGAIN_MS })
  if (again === undefined) return stopped
  const what = `${before.supervisor} has started the daemon again, as process ${again.pid}`
  throw new KithError('stopping', what, {}, { hint: typedCommand(command) })
}

/**
 * Ends the daemon and starts it anew by whoever has started it. Gives how that came out.
 *
 * @throws {KithError} `rate-limited` within 30 s of the last restart; `program-failed` when the service manager refuses
 */
export async function restartSupervised(init: StartInit): Promise<StartReport> {
  const before = await daemonReport(init).catch(() => undefined)
  const base = baseOf(init.env)
  // One that is gone is started: nothing is to be kept from that.
  const runs = (await readDaemonRecord(base)) !== undefined
  if (runs) await takeTurn(join(base, 'daemon-restarted'), Date.now())
  const command = before === undefined ? undefined : supervisorCommand(before, 'restart')
  if (before === undefined || command === undefined) {
    await stopDaemon(init).catch((err: unknown) => {
      if (!(err instanceof KithError && err.code === 'daemon-not-running')) throw err
    })
    return await startDaemon(init)
  }
  await call(command)
  const report = await awaitReady(init, { not: before.pid })
  if (report !== undefined) return report
  const reason = `${before.supervisor} has not brought it up: ${command.join(' ')}`
  return { pid: before.pid, ready: false, readyAfterMs: null, reason }
}

/** Notes a restart in the file at `path`. @throws {KithError} `rate-limited` when the last one was just now */
async function takeTurn(path: string, now: number): Promise<void> {
  const last = Number(Buffer.from((await readPrivateFile(path)) ?? '0').toString())
  // One in the future is of a clock that was set back.
  const sinceMs = now - last
  if (sinceMs >= 0 && sinceMs < MIN_INTERVAL_MS) {
    const retryAfterMs = MIN_INTERVAL_MS - sinceMs
    const what = `the daemon was restarted ${Math.round(sinceMs / 1_000)} s ago`
    const hint = { hint: `again in ${Math.ceil(retryAfterMs / 1_000)} s` }
    throw new KithError('rate-limited', what, { retryAfterMs }, hint)
  }
  await writePrivateFile(path, Buffer.from(String(now)))
}

/** What makes the service manager of a daemon stop it or start it anew; undefined where it need not know. */
export function supervisorCommand(
  { supervisor, unit = 'kith.service' }: Pick<DaemonReport, 'supervisor' | 'unit'>,
  verb: 'stop' | 'restart',
): string[] | undefined {
  switch (supervisor) {
    case 'none':
      return undefined
    case 'systemd':
      return ['systemctl', verb, unit]
    case 'systemd-user':
      return ['systemctl', '--user', verb, unit]
    case 'launchd':
      // Told to stop by itself, it ends well, which launchd does not make good.
      return verb === 'stop'
        ? undefined
        : ['launchctl', 'kickstart', '-k', `gui/${process.getuid?.() ?? 0}/${unit}`]
  }
}

/** The same as a person types it. Of the service managers, that of the machine alone wants root: root's own is another. */
export function typedCommand(command: readonly string[]): string {
  const ofMachine = command[0] === 'systemctl' && command[1] !== '--user'
  return [...(ofMachine ? ['sudo'] : []), ...command].join(' ')
}

async function call([program = '', ...args]: readonly string[]): Promise<void> {
  try {
    await run(program, args, { timeout: 90_000 })
  } catch (err) {
    const command = [program, ...args].join(' ')
    const why = toError(err).message
    const hint = { cause: err, hint: typedCommand([program, ...args]) }
    throw new KithError('program-failed', `${command} failed: ${why}`, { program, why }, hint)
  }
}
