import { chmod, lstat, unlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { dirname } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { KithError } from '../../protocol/errors.ts'
import { makePrivateFolder } from '../../store/atomic-file.ts'
import { answerNotFound, stopping } from './answers.ts'
import { addBounds, addControlRoutes } from './app.ts'
import type { ControlComponents } from './app.ts'
import { hereLater } from '../supervisor/owner.ts'

/** How long a stop waits for answers under way, and for what clients have only half sent. */
const STOP_GRACE_MS = 1_000

export interface ControlServerComponents extends ControlComponents {
  /** What answers all that is not of the control API, loaded when somebody wants it. */
  others?: (
    stop: AbortSignal,
  ) => Promise<{ fetch: (request: Request) => Response | Promise<Response> }>
}

/** Serves the control API on a unix socket that only our own user can open. */
export class ControlServer {
  readonly #components: ControlServerComponents
  readonly #socket: string
  #server: Server | undefined
  #stopping = new AbortController()

  constructor(components: ControlServerComponents, init: { socket: string }) {
    this.#components = components
    this.#socket = init.socket
  }

  /** Listens. What an earlier process left in the socket's place is removed: the store's lock says that it is gone. */
  async start(): Promise<void> {
    await makePrivateFolder(dirname(this.#socket))
    await removeSocket(this.#socket)
    this.#stopping = new AbortController()
    const ownLater = hereLater()
    const listener = getRequestListener(this.#app().fetch)
    const server = createServer((request, response) => {
      void ownLater(() => listener(request, response))
    })
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      // The folder above is closed to others, so nobody gets in between the two.
      server.listen(this.#socket, resolve)
    })
    await chmod(this.#socket, 0o600)
  }

  /** Ends streams, answers what is under way, hangs up on who is left, and resolves when nobody is connected. */
  async stop(): Promise<void> {
    this.#stopping.abort(stopping())
    const server = this.#server
    if (server === undefined) return
    await new Promise<void>((resolve) => {
      const hangUp = setTimeout(() => {
        server.closeAllConnections()
      }, STOP_GRACE_MS)
      server.close(() => {
        clearTimeout(hangUp)
        resolve()
      })
      server.closeIdleConnections()
    })
  }

  #app(): Hono {
    const app = new Hono()
    addBounds(app)
    addControlRoutes(app, this.#components, this.#stopping.signal)
    const { others } = this.#components
    if (others === undefined) return app
    let loading: ReturnType<typeof others> | undefined
    app.all('*', async (context) => {
      if (context.req.path.startsWith('/v1')) return answerNotFound(context)
      const { fetch } = await (loading ??= others(this.#stopping.signal))
      return await fetch(context.req.raw)
    })
    return app
  }
}

async function removeSocket(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => undefined)
  if (stats === undefined) return
  if (!stats.isSocket()) {
    const fix = `move ${path} away`
    throw new KithError('unsafe-file', `${path} is no socket`, { path, fix }, { hint: fix })
  }
  await unlink(path)
}
