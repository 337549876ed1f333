import type { Context, Hono } from 'hono'
import type { SSEStreamingApi } from 'hono/streaming'
import { KithError } from '../../../protocol/errors.ts'
import type { z } from 'zod'
import { HEARTBEAT_MS, answerEvents } from '../../control/answers.ts'
import { readJson } from '../../control/app.ts'
import { issueText } from '../../control/issue-text.ts'
import type { AskHandle } from '../../asks/handle.ts'
import type { Clock } from '../../clock.ts'
import { assertCovers } from '../door.ts'
import type { HttpEnv } from '../door.ts'
import type { Principal } from '../principal.ts'
import type { TaskDesk } from './task-desk.ts'
import { taskListQuery, taskPath, taskRequest } from './task-routes.ts'
import type { TaskEvent } from './task-routes.ts'
import type { TaskRow } from './task-store.ts'

/** The id of the last event of a stream. Whoever comes back with it has all, and need not come again. */
const END_ID = 'end'

export interface TaskComponents {
  tasks: TaskDesk
  clock: Pick<Clock, 'every'>
}

/** Adds the routes of tasks to `app`. Streams end when `stop` aborts. */
export function addTaskRoutes(
  app: Hono<HttpEnv>,
  { clock, tasks }: TaskComponents,
  stop: AbortSignal,
): void {
  app.post('/api/tasks', async (context) => {
    const principal = mayChange(context)
    const key = context.req.header('idempotency-key')
    const body = await readJson(context)
    const request = fit(taskRequest, key === undefined ? body : { ...body, idempotencyKey: key })
    const { isNew, task } = await tasks.submit(principal, request)
    context.header('Location', `/api/tasks/${task.id}`)
    return context.json(task, isNew ? 201 : 200)
  })
  app.get('/api/tasks', async (context) => {
    const query = fit(taskListQuery, context.req.query())
    return context.json(await tasks.list(maySee(context), query))
  })
  app.get('/api/tasks/:id', async (context) => {
    return context.json(await tasks.get(maySee(context), idOf(context)))
  })
  app.post('/api/tasks/:id/cancel', async (context) => {
    return context.json(await tasks.cancel(mayChange(context), idOf(context)))
  })
  app.get('/api/tasks/:id/events', async (context) => {
    const found = await tasks.find(maySee(context), idOf(context))
    const lastId = context.req.header('last-event-id')
    // 204 is how a browser is told not to come again (WHATWG HTML §9.2.3).
    if (lastId === END_ID) return context.body(null, 204)
    const after = afterOf(lastId)
    const signal = AbortSignal.any([context.req.raw.signal, stop])
    return answerEvents(context, async (sse) => {
      const endHeartbeat = clock.every(HEARTBEAT_MS, () => {
        void sse.write(': alive\n\n')
      })
      try {
        await sendEvents(tasks, found, after, sse, signal)
      } catch {
        // The reader is gone, or the node stops: the stream is read on later.
      } finally {
        endHeartbeat()
      }
    })
  })
}

/** Sends the events after number `after`, as they come, and then the end. */
async function sendEvents(
  tasks: TaskDesk,
  { handle, row }: { handle: AskHandle; row: TaskRow },
  after: number,
  sse: SSEStreamingApi,
  signal: AbortSignal,
): Promise<void> {
  const send = async (event: TaskEvent, id?: string): Promise<void> => {
    const data = JSON.stringify(event)
    await sse.writeSSE({ event: event.type, data, ...(id === undefined ? {} : { id }) })
  }
  // Events are on disk before anybody sees them, but a power cut may take the newest: their numbers are given again.
  const newest = await tasks.newestSeq(handle)
  if (after > newest) await send({ type: 'gap', from: newest + 1, to: after })
  const events = handle.read(Math.min(after, newest), signal)
  for (;;) {
    const { done, value } = await events.next()
    if (done === true) break
    const { body, seq } = value
    if (body.kind === 'accepted') continue
    const { kind: type, ...rest } = body
    await send({ type, seq, ...rest } as TaskEvent, String(seq))
  }
  await send({ type: 'end', task: await tasks.reportAgain(row) }, END_ID)
}

/** @throws {KithError} `usage` for an id that no event of ours has */
function afterOf(lastId: string | undefined): number {
  if (lastId === undefined || lastId === '') return 0
  if (/^\d{1,15}$/.test(lastId)) return Number(lastId)
  throw new KithError('usage', 'Last-Event-ID is none of ours', { what: 'Last-Event-ID' })
}

function maySee(context: Context<HttpEnv>): Principal {
  const principal = context.get('principal')
  assertCovers(principal, 'tasks', 'read')
  return principal
}

function mayChange(context: Context<HttpEnv>): Principal {
  const principal = context.get('principal')
  assertCovers(principal, 'tasks')
  return principal
}

function idOf(context: Context<HttpEnv>): string {
  return fit(taskPath, { id: context.req.param('id') }).id
}

/** @throws {KithError} `usage` */
function fit<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const what = issueText(parsed.error.issues[0])
  throw new KithError('usage', what, { what })
}
