import type { Writable } from 'node:stream'
import { KithError, isFailure } from '../protocol/errors.ts'
import { checkPrivateFolder } from '../store/atomic-file.ts'
import { readConfig } from './config.ts'
import { ControlClient } from './control/client.ts'
import { createHandlers } from './control/handlers.ts'
import { ControlServer } from './control/server.ts'
import type { Home } from './home.ts'
import { openIdentity, readIdentity } from './identity.ts'
import { dropSuperseded, settleKeys } from './keys/superseded.ts'
import { createLog } from './log.ts'
import { KithNode } from './node.ts'

/** Beyond the time to drain, a stop that hangs is ended by force after this long. */
const FORCE_AFTER_MS = 5_000

export interface RunningNodeInit {
  home: Home
  env: NodeJS.ProcessEnv
  /** Settings over all others, by config key: `listen`, `log.level`. */
  flags: Record<string, unknown>
  passphrase: string | undefined
  /** Where the log goes. */
  stdout: Writable
}

/** A node that runs in this process. */
export interface RunningNode {
  node: KithNode
  /** From the begin of its opening until it ran, in ms. */
  readyAfterMs: number
  /** Resolves when it is told to stop, with what told it: a signal, or `control`. */
  stopping: Promise<string>
  /** How long what is under way may go on once it stops, in ms. */
  drainMs: number
}

/**
 * What `use` gives of the node of a home, which runs as long: a second process would be refused. Signals and the
 * control socket tell it to stop. Resolves once everything is closed.
 *
 * @throws {KithError} `no-identity`, `passphrase`, `unsafe-file`, `invalid-file`, `locked` and what else keeps it
 *   from starting; as `use`
 */
export async function withRunningNode<T>(
  init: RunningNodeInit,
  parts: { loop: boolean },
  use: (running: RunningNode) => Promise<T>,
): Promise<T> {
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
  const drainMs = config.stop.drain_seconds * 1_000
  let result: T
  try {
    await settleKeys(home.path, Date.now())
    await control.start()
    await node.start(parts)
    readyAfterMs = performance.now() - begun
    result = await use({ node, readyAfterMs, stopping, drainMs })
  } finally {
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
  return result
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
