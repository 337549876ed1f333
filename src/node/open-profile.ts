import type { DestinationStream } from 'pino'
import { KithError, isFailure } from '../protocol/errors.ts'
import { checkPrivateFolder } from '../store/atomic-file.ts'
import { buildOnDisk } from './build-id.ts'
import { readConfig } from './config.ts'
import { ConfigWatch } from './config-watch.ts'
import { ControlClient } from './control/client.ts'
import type { DaemonView } from './control/handlers/daemon.ts'
import { createHandlers } from './control/handlers.ts'
import { ControlServer } from './control/server.ts'
import type { Home } from './home.ts'
import { openIdentity, readIdentity } from './identity.ts'
import { dropSuperseded, settleKeys } from './keys/superseded.ts'
import { createLog } from './log.ts'
import { KithNode } from './node.ts'
import { hereLater } from './supervisor/owner.ts'

export interface ProfileInit {
  home: Home
  env: NodeJS.ProcessEnv
  /** Settings over all others, by config key: `listen`, `log.level`. */
  flags: Record<string, unknown>
  passphrase: string | undefined
  /** Where the log goes. */
  stdout: DestinationStream
  /** The daemon that serves it with others, where one does. */
  daemon?: DaemonView
}

/** A node that is open in this process, with its control socket. */
export interface OpenProfile {
  node: KithNode
  /** How long what is under way may go on once it stops, in ms. */
  drainMs: number
  /** Resolves when its control socket is told to stop it. */
  told: Promise<string>
  /** Resolves with how long opening and starting it took, in ms. @throws as `KithNode.start` */
  start: (parts: { loop: boolean }) => Promise<number>
  /** Resolves once everything of it is closed. */
  close: () => Promise<void>
}

/**
 * The node of a home, opened and not started yet. A second one anywhere would be refused.
 *
 * @throws {KithError} `no-identity`, `passphrase`, `unsafe-file`, `invalid-file`, `locked` and what else keeps it
 *   from opening
 */
export async function openProfile(init: ProfileInit): Promise<OpenProfile> {
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
  const settings = new ConfigWatch({ path: home.config, env, flags, config, log })
  const around = { config, home, identity, log, build: buildOnDisk(), settings }
  const node = await KithNode.open(around).catch(async (err: unknown) => {
    throw isFailure(err, 'locked') ? await lockedBy(home) : err
  })

  const { promise: told, resolve: tell } = Promise.withResolvers<string>()
  let readyAfterMs = 0
  const handlers = createHandlers(node, {
    readyAfterMs: () => readyAfterMs,
    stop: () => {
      tell('control')
    },
    ...(init.daemon === undefined ? {} : { daemon: init.daemon }),
  })
  const socket = new ControlServer(
    {
      ...{ handlers, log },
      others: async (stop) => {
        const { socketApp } = await import('./http/http-app.ts')
        return socketApp(node, stop)
      },
    },
    { socket: home.socket },
  )
  const control = node.parts.add({
    name: 'control',
    start: async () => {
      await socket.start()
    },
    stop: async () => {
      await socket.stop()
    },
  })
  // What answers over TCP is loaded when somebody wants it: a node without it is ready sooner.
  const http = node.parts.add({
    name: 'http',
    start: async () => {
      const ownLater = hereLater()
      await node.http.start(async (door) => {
        const { tcpListener } = await import('./http/tcp-app.ts')
        const listener = tcpListener({ handlers, log, node }, door)
        return (request, response) => {
          ownLater(() => {
            listener(request, response)
          })
        }
      })
    },
    stop: async () => {
      await node.http.stop()
    },
  })
  const watch = node.parts.add({
    name: 'settings',
    start: async () => {
      await settings.start()
    },
    stop: async () => {
      await settings.stop()
    },
  })
  return {
    node,
    get drainMs() {
      return config.stop.drain_seconds * 1_000
    },
    told,
    start: async (parts) => {
      await settleKeys(home.path, Date.now())
      await watch.start()
      await control.start((err) => err instanceof KithError)
      await node.start(parts)
      await http.start((err) => err instanceof KithError)
      readyAfterMs = performance.now() - begun
      return readyAfterMs
    },
    close: async () => {
      await http.drain(0)
      await http.stop()
      await watch.drain(0)
      await watch.stop()
      await node.stop(config.stop.drain_seconds * 1_000)
      // After the store: once nobody answers here, another process can open it.
      await control.drain(0)
      await control.stop()
    },
  }
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
