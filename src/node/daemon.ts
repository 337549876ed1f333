import type { Writable } from 'node:stream'
import { KithError, isFailure } from '../protocol/errors.ts'
import { checkPrivateFolder } from '../store/atomic-file.ts'
import { readConfig } from './config.ts'
import type { StatusReport } from './control/api.ts'
import { ControlClient } from './control/client.ts'
import { createHandlers } from './control/handlers.ts'
import { reportStatus } from './control/handlers/node.ts'
import { ControlServer } from './control/server.ts'
import type { Home } from './home.ts'
import { openIdentity, readIdentity } from './identity.ts'
import { dropSuperseded, settleKeys } from './keys/superseded.ts'
import { createLog } from './log.ts'
import { KithNode } from './node.ts'

/** Beyond the time to drain, a stop that hangs is ended by force after this long. */
const FORCE_AFTER_MS = 5_000

export interface DaemonInit {
  home: Home
  env: NodeJS.ProcessEnv
  /** Settings over all others, by config key: `listen`, `log.level`. */
  flags: Record<string, unknown>
  passphrase: string | undefined
  /** Where the log goes. */
  stdout: Writable
  onReady: (report: StatusReport) => void
}

/**
 * Runs the node of a home until it is told to stop, by a signal or over the control socket. Resolves with the exit
 * code once everything is closed.
 *
 * @throws {KithError} `no-identity`, `passphrase`, `unsafe-file`, `invalid-file`, `locked` and what else keeps it
 *   from starting
 */
export async function runDaemon(init: DaemonInit): Promise<number> {
  const { env, flags, home, passphrase, stdout } = init
  const begun = performance.now()
  await readIdentity(home.path)
  await checkPrivateFolder(home.path)
  const config = await readConfig(home.config, env, flags)
  const identity = await openIdentity(home.path, passphrase).catch(async (err: unknown) => {
    // Whoever retired it may have died before its keys were erased.
    if (isFailure(err, 'retired')) await dropSuperseded(home.path, Date.now())
    throw err
  })
  const log = createLog(config.log.level, stdout)
  const node = await KithNode.open({ config, home, identity, log }).catch(async (err: unknown) => {
    throw isFailure(err, 'locked') ? await lockedBy(home) : err
  })

  const { promise: stopping, resolve: stop } = Promise.withResolvers<string>()
  let readyAfterMs = 0
  const handlers = createHandlers(node, {
    readyAfterMs: () => readyAfterMs,
    stop: () => {
      stop('control')
    },
  })
  const control = new ControlServer({ handlers, log }, { socket: home.socket })
  const unlisten = onSignals(stop, (err) => {
    // Nothing is known of the state we are in: what is on disk is right, and the next start goes on from there.
    log.error({ err }, 'uncaught error, exiting')
    process.exit(1)
  })
  try {
    await settleKeys(home.path, Date.now())
    await control.start()
    await node.start()
    readyAfterMs = performance.now() - begun
    const report = await reportStatus(node, readyAfterMs)
    const { id, listening, software } = report
    log.info({ id, listening, software, readyAfterMs: Math.round(readyAfterMs) }, 'ready')
    init.onReady(report)
    log.info({ by: await stopping }, 'stopping')
  } finally {
    const drainMs = config.stop.drain_seconds * 1_000
    const force = setTimeout(() => {
      log.error('could not stop in time, exiting')
      process.exit(1)
    }, drainMs + FORCE_AFTER_MS)
    await node.stop(drainMs)
    await control.stop()
    clearTimeout(force)
    unlisten()
  }
  log.info('stopped')
  return 0
}

/** Who has this home open, as far as it says so. */
async function lockedBy(home: Home): Promise<KithError<'locked'>> {
  const client = new ControlClient({ socket: home.socket, home: home.path })
  const holder = await client.call('status', {}, AbortSignal.timeout(2_000)).catch(() => undefined)
  if (holder === undefined) {
    return new KithError(
      'locked',
      `another process has ${home.path} open`,
      { home: home.path },
      {
        hint: 'wait until it has ended, then start again',
      },
    )
  }
  const since = new Date(holder.startedAt).toISOString()
  return new KithError(
    'locked',
    `a node is running in ${home.path} already: process ${holder.pid}, since ${since}`,
    { home: home.path, pid: holder.pid },
    { hint: 'kith stop' },
  )
}

/** Stops on the first signal and exits on the second. Returns the function that takes the listeners away again. */
function onSignals(stop: (by: string) => void, onUncaught: (err: unknown) => void): () => void {
  let told = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (told) process.exit(130)
    told = true
    stop(signal)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  process.on('uncaughtException', onUncaught)
  process.on('unhandledRejection', onUncaught)
  return () => {
    for (const signal of signals) process.off(signal, onSignal)
    process.off('uncaughtException', onUncaught)
    process.off('unhandledRejection', onUncaught)
  }
}
