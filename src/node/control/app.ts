import type { Context, Env, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Logger } from 'pino'
import { KithError } from '../../protocol/errors.ts'
import { WireFailure } from '../answer.ts'
import { answerFailure, answerNotFound, answerStream, isStoreClosed, stopping } from './answers.ts'
import type { Item } from './answers.ts'
import { ROUTES } from './api.ts'
import type { RouteName } from './api.ts'
import type { Handlers } from './handlers.ts'
import { issueText } from './issue-text.ts'

/** Longest body taken: the longest ask, every character of it escaped, fits. */
const MAX_BODY_BYTES = 2_097_152

/** What shows all that an input may name, by the field that names it. */
const LISTS: Partial<Record<PropertyKey, string>> = {
  alert: 'kith alerts list',
  approval: 'kith approvals list',
  artifact: 'kith artifacts list',
  ask: 'kith asks list',
  job: 'kith jobs list',
  peer: 'kith peers list',
  run: 'kith jobs runs',
}

/** All routes of the control API, in the order of their table. */
export const ROUTE_NAMES = Object.keys(ROUTES) as RouteName[]

export interface ControlComponents {
  /** Of the routes that are served here. */
  handlers: Partial<Handlers>
  log: Logger
}

/** Lets `app` refuse bodies that are too long, and answer every failure in one form. */
export function addBounds<E extends Env>(app: Hono<E>): void {
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (context) => {
        const details = { bytes: MAX_BODY_BYTES + 1, limitBytes: MAX_BODY_BYTES }
        return answerFailure(context, new KithError('too-large', 'the body is too long', details))
      },
    }),
  )
  app.notFound(answerNotFound)
  app.onError((err, context) => answerFailure(context, err))
}

/** Adds the routes of the control API to `app`. Streams end when `stop` aborts. */
export function addControlRoutes<E extends Env>(
  app: Hono<E>,
  components: ControlComponents,
  stop: AbortSignal,
): void {
  for (const name of ROUTE_NAMES) {
    const { method, path } = ROUTES[name]
    if (components.handlers[name] === undefined) continue
    app.on(method, path, async (context) => await serve(name, context, components, stop))
  }
}

async function serve(
  name: RouteName,
  context: Context,
  { handlers, log }: ControlComponents,
  stop: AbortSignal,
): Promise<Response> {
  const input = await readInput(name, context)
  const signal = AbortSignal.any([context.req.raw.signal, stop])
  try {
    // The schema of this very route has made `input`: the types of both go by the same name.
    const handle = handlers[name] as (input: unknown, signal: AbortSignal) => Promise<object>
    const output = await handle(input, signal)
    const streamed = ROUTES[name].stream === true
    return streamed ? answerStream(context, output as AsyncIterable<Item>) : context.json(output)
  } catch (err) {
    if (isStoreClosed(err)) return answerFailure(context, stopping())
    if (!(err instanceof KithError || err instanceof WireFailure)) {
      log.error({ route: name, err }, 'control call failed')
    }
    return answerFailure(context, err)
  }
}

/** Path, query and body of a request as its route's schema has them. @throws {KithError} `usage` */
async function readInput(name: RouteName, context: Context): Promise<unknown> {
  const { input, method } = ROUTES[name]
  const body = method === 'POST' ? await readJson(context) : context.req.query()
  const parsed = input.safeParse({ ...body, ...context.req.param() })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const what = issueText(issue)
  const hint = issue?.path.length === 1 ? LISTS[issue.path[0] ?? ''] : undefined
  throw new KithError('usage', what, { what }, hint === undefined ? {} : { hint })
}

/** The body of a request, which is one JSON object. @throws {KithError} `usage` */
export async function readJson(context: Context): Promise<object> {
  const body: unknown = await context.req.json().catch(() => undefined)
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body
  throw new KithError('usage', 'the body is no JSON object', { what: 'body' })
}
