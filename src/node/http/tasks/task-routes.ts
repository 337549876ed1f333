import { z } from 'zod'
import { MAX_ASK_SECONDS, MAX_ASK_TEXT_BYTES } from '../../../protocol/limits.ts'
import { STANDARD_PRESETS, askBudget, askIdSchema } from '../../../protocol/verbs.ts'
import { at, peerName } from '../../control/routes/route.ts'

/** How a task stands. Why it came to its end is its `cause`. */
export const TASK_STATES = [
  'pending',
  'running',
  'waiting-approval',
  'succeeded',
  'failed',
  'cancelled',
  'timed-out',
  'interrupted',
] as const
export type TaskState = (typeof TASK_STATES)[number]

/** A name of the submitter's own. Another one's session of this name is another session. */
export const taskSession = z.string().regex(/^[\w.-]{1,40}$/)

export const idempotencyKey = z.string().regex(/^[\x21-\x7e]{1,128}$/)

export const taskRequest = z.strictObject({
  text: z.string().min(1).max(MAX_ASK_TEXT_BYTES),
  /** `self`, or the name of a pinned peer. */
  to: peerName.default('self'),
  session: z.exactOptional(taskSession),
  /** Its tools do no more than this, nor more than the token and the node allow. */
  preset: z.exactOptional(z.enum(STANDARD_PRESETS)),
  /** It costs no more than this. */
  budget: z.exactOptional(askBudget),
  /** It ends after this long, in ms. */
  timeoutMs: z.exactOptional(
    z
      .int()
      .min(1)
      .max(MAX_ASK_SECONDS * 1_000),
  ),
  /** Stay here while the peer is absent. */
  wait: z.exactOptional(z.boolean()),
  /** The same key again gives the same task. So does the header `Idempotency-Key`. */
  idempotencyKey: z.exactOptional(idempotencyKey),
})
export type TaskRequest = z.infer<typeof taskRequest>

export const taskSummary = z.strictObject({
  id: z.string(),
  state: z.enum(TASK_STATES),
  /** Why it did not succeed: one of the codes of PROTOCOL.md §12, or one of this node. */
  cause: z.exactOptional(
    z.strictObject({
      code: z.string(),
      details: z.record(z.string(), z.union([z.string(), z.number()])),
    }),
  ),
  /** `self`, or a peer's name. */
  to: z.string(),
  /** `owner`, or `token NAME`. */
  submitter: z.string(),
  session: z.exactOptional(z.string()),
  preset: z.exactOptional(z.enum(STANDARD_PRESETS)),
  createdAt: at,
  deadlineAt: at,
  endedAt: z.exactOptional(at),
  /** Number of its newest event. */
  lastSeq: z.int(),
})
export type TaskSummary = z.infer<typeof taskSummary>

export const taskReport = taskSummary.extend({
  text: z.string(),
  /** As much of the answer as is in. */
  result: z.string(),
  /** What it says of itself: the newest note. */
  progress: z.exactOptional(z.string()),
  /** What it cost here. What a peer spends is its own. */
  cost: z.strictObject({ calls: z.int(), microUsd: z.int(), tokens: z.int(), unpriced: z.int() }),
})
export type TaskReport = z.infer<typeof taskReport>

export const taskPage = z.strictObject({
  /** The newest first. */
  tasks: z.array(taskSummary),
  /** What to send as `cursor` for those before; absent where there are none. */
  next: z.exactOptional(z.string()),
})
export type TaskPage = z.infer<typeof taskPage>

export const taskListQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.exactOptional(askIdSchema),
  state: z.exactOptional(z.enum(TASK_STATES)),
  to: z.exactOptional(peerName),
  session: z.exactOptional(taskSession),
})
export type TaskListQuery = z.infer<typeof taskListQuery>

export const taskPath = z.strictObject({ id: askIdSchema })

/** What a stream of events has as its data. The name of the event is its `type`. */
export const taskEvent = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), seq: z.int(), text: z.string() }),
  z.strictObject({ type: z.literal('progress'), seq: z.int(), note: z.string() }),
  z.strictObject({
    type: z.literal('tool'),
    seq: z.int(),
    call: z.string(),
    name: z.string(),
    state: z.enum(['begun', 'done', 'failed', 'denied']),
  }),
  z.strictObject({
    type: z.literal('approval'),
    seq: z.int(),
    approval: z.string(),
    state: z.enum(['waiting', 'granted', 'denied', 'expired']),
    what: z.string(),
  }),
  /** Events from `from` to `to` were seen once, and are not here any more. */
  z.strictObject({ type: z.literal('gap'), from: z.int(), to: z.int() }),
  z.strictObject({ type: z.literal('end'), task: taskReport }),
])
export type TaskEvent = z.infer<typeof taskEvent>
