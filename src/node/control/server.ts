import { chmod, lstat, unlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { dirname } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { streamSSE } from 'hono/streaming'
import type { Logger } from 'pino'
import { KithError, isFailure } from '../../protocol/errors.ts'
import type { FailureCode } from '../../protocol/errors.ts'
import { makePrivateFolder } from '../../store/atomic-file.ts'
import { WireFailure } from '../answer.ts'
import { ROUTES } from './api.ts'
import type { ErrorBody, RouteName } from './api.ts'
import type { Handlers } from './handlers.ts'

/** Longest body taken: the longest ask, every character of it escaped, fits. */
const MAX_BODY_BYTES = 2_097_152

/** A stream with nothing to say sends a comment this often, so that both ends see that the other is there. */
const HEARTBEAT_MS = 15_000

/** How long a stop waits for answers under way, and for what clients have only half sent. */
const STOP_GRACE_MS = 1_000

/** Serves the control API on a unix socket that only our own user can open. */
export class ControlServer {
  readonly #components: { handlers: Handlers; log: Logger }
  readonly #socket: string
  #server: Server | undefined
  readonly #stopping = new AbortController()

  constructor(components: { handlers: Handlers; log: Logger }, init: { socket: string }) {
    this.#components = components
    this.#socket = init.socket
  }

  /** Listens. What an earlier process left in the socket's place is removed: the store's lock says that it is gone. */
  async start(): Promise<void> {
    await makePrivateFolder(dirname(this.#socket))
    await removeSocket(this.#socket)
    const listener = getRequestListener(this.#app().fetch)
    const server = createServer((request, response) => {
      void listener(request, response)
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
    app.use(
      bodyLimit({
        maxSize: MAX_BODY_BYTES,
        onError: (context) => {
          const details = { bytes: MAX_BODY_BYTES + 1, limitBytes: MAX_BODY_BYTES }
          return answer(context, new KithError('too-large', 'the body is too long', details))
        },
      }),
    )
    for (const name of Object.keys(ROUTES) as RouteName[]) {
      const { method, path } = ROUTES[name]
      app.on(method, path, async (context) => await this.#serve(name, context))
    }
    app.notFound((context) => {
      const what = `${context.req.method} ${context.req.path}`
      return context.json(bodyOf(new KithError('usage', `no route ${what}`, { what })), 404)
    })
    app.onError((err, context) => answer(context, err))
    return app
  }

  async #serve(name: RouteName, context: Context): Promise<Response> {
    const input = await readInput(name, context)
    const signal = AbortSignal.any([context.req.raw.signal, this.#stopping.signal])
    const { handlers, log } = this.#components
    try {
      // The schema of this very route has made `input`: the types of both go by the same name.
      const handle = handlers[name] as (input: unknown, signal: AbortSignal) => Promise<object>
      const output = await handle(input, signal)
      const streamed = ROUTES[name].stream === true
      return streamed ? stream(context, output as AsyncIterable<Item>) : context.json(output)
    } catch (err) {
      if (isStoreClosed(err)) return answer(context, stopping())
      if (!(err instanceof KithError || err instanceof WireFailure)) {
        log.error({ route: name, err }, 'control call failed')
      }
      return answer(context, err)
    }
  }
}

/** The store closes a moment before this server does, and calls come in meanwhile. */
function isStoreClosed(err: unknown): boolean {
  return err instanceof Error && 'code' in err && err.code === 'LEVEL_DATABASE_NOT_OPEN'
}

function stopping(): KithError<'stopping'> {
  return new KithError('stopping', 'this node is stopping', {})
}

/** Path, query and body of a request as its route's schema has them. @throws {KithError} `usage` */
async function readInput(name: RouteName, context: Context): Promise<unknown> {
  const { input, method } = ROUTES[name]
  const body = method === 'POST' ? await readJson(context) : context.req.query()
  const parsed = input.safeParse({ ...body, ...context.req.param() })
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const what = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unfit'}`
  throw new KithError('usage', what, { what })
}

async function readJson(context: Context): Promise<object> {
  const body: unknown = await context.req.json().catch(() => undefined)
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body
  throw new KithError('usage', 'the body is no JSON object', { what: 'body' })
}

/** An item of a stream. One with a number of its own is found again by it. */
interface Item {
  seq?: number
}

function stream(context: Context, items: AsyncIterable<Item>): Response {
  return streamSSE(context, async (sse) => {
    const heartbeat = setInterval(() => {
      void sse.write(': alive\n\n')
    }, HEARTBEAT_MS)
    try {
      for await (const item of items) {
        const id = item.seq === undefined ? {} : { id: String(item.seq) }
        await sse.writeSSE({ ...id, data: JSON.stringify(item) })
      }
    } catch {
      // The reader is gone, or the node stops: the stream ends without a final, and is read on later.
    } finally {
      clearInterval(heartbeat)
    }
  })
}

/** HTTP's own words for our codes; all others are 409. */
const HTTP_STATUS: Partial<Record<FailureCode, 400 | 404 | 413 | 503>> = {
  usage: 400,
  'bad-request': 400,
  'unknown-peer': 404,
  'unknown-ask': 404,
  'unknown-alert': 404,
  'unknown-approval': 404,
  'unknown-stranger': 404,
  'unknown-branch': 404,
  'not-frozen': 400,
  'unknown-invite': 404,
  'unknown-session': 404,
  'unknown-breaker': 404,
  'unknown-job': 404,
  'unknown-run': 404,
  'jobs-unreachable': 503,
  'unknown-item': 404,
  'unknown-model': 404,
  'too-large': 413,
  stopping: 503,
}

function answer(context: Context, err: unknown): Response {
  if (isFailure(err)) return context.json(bodyOf(err), HTTP_STATUS[err.code] ?? 409)
  return context.json(bodyOf(err), err instanceof WireFailure ? 409 : 500)
}

function bodyOf(err: unknown): ErrorBody {
  if (err instanceof WireFailure) {
    const { code, details } = err
    return { error: { code, message: `the peer refused: ${code}`, details, fromPeer: true } }
  }
  if (isFailure(err)) {
    const { code, details, hint, message } = err
    const shown = hint === undefined ? {} : { hint }
    return { error: { code, message, details: { ...details }, ...shown, fromPeer: false } }
  }
  const message = err instanceof Error ? err.message : String(err)
  return { error: { code: 'internal', message, details: {}, fromPeer: false } }
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
