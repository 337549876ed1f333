import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { SSEStreamingApi } from 'hono/streaming'
import { KithError, isFailure } from '../../protocol/errors.ts'
import type { FailureCode } from '../../protocol/errors.ts'
import { WireFailure } from '../answer.ts'
import type { ErrorBody } from './api.ts'

/** A stream with nothing to say sends a comment this often, so that both ends see that the other is there. */
export const HEARTBEAT_MS = 15_000

/** HTTP's own words for our codes; all others are 409. */
const HTTP_STATUS: Partial<Record<FailureCode, 400 | 401 | 403 | 404 | 413 | 429 | 500 | 503>> = {
  usage: 400,
  'bad-request': 400,
  unauthorized: 401,
  'out-of-scope': 403,
  'foreign-request': 403,
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
  'unknown-token': 404,
  'jobs-unreachable': 503,
  'unknown-item': 404,
  'unknown-model': 404,
  'too-large': 413,
  'rate-limited': 429,
  busy: 503,
  'cannot-listen': 503,
  stopping: 503,
  'store-failed': 500,
}

/** The reply for a failure of whatever kind. */
export function answerFailure(context: Context, err: unknown): Response {
  if (!isFailure(err)) return context.json(bodyOf(err), err instanceof WireFailure ? 409 : 500)
  if (isFailure(err, 'rate-limited')) {
    context.header('Retry-After', String(Math.ceil(err.details.retryAfterMs / 1_000)))
  }
  // RFC 6750 §3: whoever is not let in is told by what.
  if (isFailure(err, 'unauthorized')) context.header('WWW-Authenticate', 'Bearer')
  return context.json(bodyOf(err), HTTP_STATUS[err.code] ?? 409)
}

/** The reply where nothing is: also the one for what somebody may not know of. */
export function answerNotFound(context: Context): Response {
  const what = `${context.req.method} ${context.req.path}`
  return context.json(bodyOf(new KithError('usage', `no route ${what}`, { what })), 404)
}

/** What calls get while the node stops. */
export function stopping(): KithError<'stopping'> {
  return new KithError('stopping', 'this node is stopping', {})
}

/** The store closes a moment before the server does, and calls come in meanwhile. */
export function isStoreClosed(err: unknown): boolean {
  return err instanceof Error && 'code' in err && err.code === 'LEVEL_DATABASE_NOT_OPEN'
}

/** An item of a stream. One with a number of its own is found again by it. */
export interface Item {
  seq?: number
}

/**
 * The reply that `send` writes, as server-sent events. Whoever asks for its head alone gets that: nobody would read what
 * was written, nor ever hang up on it.
 */
export function answerEvents(
  context: Context,
  send: (sse: SSEStreamingApi) => Promise<void>,
): Response {
  if (context.req.method !== 'HEAD') return streamSSE(context, send)
  return context.body(null, 200, { 'Content-Type': 'text/event-stream' })
}

/** The reply that sends `items` as they come. */
export function answerStream(context: Context, items: AsyncIterable<Item>): Response {
  return answerEvents(context, async (sse) => {
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
