import type { Writable } from 'node:stream'
import { ServiceLogs } from './daemon/service-log.ts'
import type { KithNode } from './node.ts'
import { openProfile } from './open-profile.ts'
import type { ProfileInit } from './open-profile.ts'
import { onProcessEvents } from './process-events.ts'

/** Beyond the time to drain, a stop that hangs is ended by force after this long. */
export const FORCE_AFTER_MS = 5_000

export interface RunningNodeInit extends ProfileInit {
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
 * @throws {KithError} what keeps it from starting, as `openProfile`; as `use`
 */
export async function withRunningNode<T>(
  init: RunningNodeInit,
  parts: { loop: boolean },
  use: (running: RunningNode) => Promise<T>,
): Promise<T> {
  const logs = new ServiceLogs(init.stdout)
  const stdout = logs.of({ home: init.home })
  const { close, drainMs, node, start, told } = await openProfile({ ...init, stdout })
  const { log } = node
  const { promise: signalled, resolve: stop } = Promise.withResolvers<string>()
  const unlisten = onProcessEvents(stop, (err) => {
    // Nothing is known of the state we are in: what is on disk is right, and the next start goes on from there.
    log.error({ err }, 'uncaught error, exiting')
    process.exit(1)
  })
  let result: T
  try {
    const readyAfterMs = await start(parts)
    const stopping = Promise.race([signalled, told])
    result = await use({ node, readyAfterMs, stopping, drainMs })
  } finally {
    const force = setTimeout(() => {
      log.error('could not stop in time, exiting')
      process.exit(1)
    }, drainMs + FORCE_AFTER_MS)
    await close()
    clearTimeout(force)
    unlisten()
  }
  log.info('stopped')
  logs.close()
  return result
}
