import { isFailure, KithError } from '../protocol/errors.ts'
import { baseOf } from '../node/home.ts'
import { daemonEnv } from './commands/daemon/daemon-env.ts'
import type { CliContext } from './context.ts'

/** `err`; where no node answers though a daemon serves its home, with what to ask that one. */
export async function besideDaemon(
  cli: Pick<CliContext, 'env' | 'globals'>,
  err: unknown,
): Promise<unknown> {
  if (!isFailure(err, 'daemon-not-running') || err.hint !== 'kith start') return err
  const { home } = err.details
  const pid = await daemonBeside(cli, home)
  if (pid === undefined) return err
  const { profilesOf } = await import('../node/daemon/profiles.ts')
  const profiles = await profilesOf(daemonEnv(cli)).catch(() => undefined)
  if (profiles?.every((profile) => profile.home.path !== home) === true) {
    const hint = { cause: err, hint: 'kith profile list' }
    return new KithError('daemon-not-running', `there is no node in ${home}`, { home }, hint)
  }
  return new KithError(
    'daemon-not-running',
    `no node answers in ${home}, and the daemon, process ${pid}, runs`,
    { home },
    { cause: err, hint: 'kith daemon status, then kith daemon restart' },
  )
}

/** The process of the daemon that serves this home or profile, if one runs. */
export async function daemonBeside(
  cli: Pick<CliContext, 'env' | 'globals'>,
  home: string,
): Promise<number | undefined> {
  const base = baseOf(daemonEnv(cli))
  if (home !== base && !home.startsWith(`${base}/`)) return undefined
  const { readDaemonRecord } = await import('../node/daemon/daemon-record.ts')
  const daemon = await readDaemonRecord(base).catch(() => undefined)
  return daemon?.pid
}
