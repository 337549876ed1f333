import { z } from 'zod'
import { MAX_ASK_SECONDS, MAX_ASK_TEXT_BYTES } from '../../../protocol/limits.ts'
import {
  ASK_STATES,
  STANDARD_PRESETS,
  askBudget,
  askFinal,
  askIdSchema,
  sessionSchema,
} from '../../../protocol/verbs.ts'
import { jobSchema } from '../../asks/ask-records.ts'
import { at, peerName, route, streamRoute } from './route.ts'

export const askReport = z.strictObject({
  ask: z.string(),
  direction: z.enum(['in', 'out']),
  /** Our name for the other side, `self`, or its node id when it is no longer pinned. */
  peer: z.string(),
  state: z.enum(ASK_STATES),
  receivedAt: at,
  deadlineAt: at,
  finalAt: z.exactOptional(at),
  final: z.exactOptional(askFinal),
  lastSeq: z.int(),
})

export const askRequest = z.strictObject({
  /** A pinned peer's name, or `self`. */
  peer: peerName,
  text: z.string().min(1).max(MAX_ASK_TEXT_BYTES),
  session: z.exactOptional(sessionSchema),
  timeoutMs: z.exactOptional(
    z
      .int()
      .min(1)
      .max(MAX_ASK_SECONDS * 1_000),
  ),
  /** Chosen by the caller, to send the same ask again without a second run. */
  ask: z.exactOptional(askIdSchema),
  /** Stay in the outbox while the peer is absent. */
  wait: z.exactOptional(z.boolean()),
  retryOf: z.exactOptional(askIdSchema),
  /** Its tools do no more than this, and it costs no more. */
  preset: z.exactOptional(z.enum(STANDARD_PRESETS)),
  budget: z.exactOptional(askBudget),
  /** For an ask to `self`: it counts against the day of this job, too. */
  job: z.exactOptional(jobSchema),
})

export const askStreamItem = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('event'),
    seq: z.int(),
    body: z.record(z.string(), z.unknown()),
  }),
  z.strictObject({ type: z.literal('final'), final: askFinal }),
])

const askPath = z.strictObject({ ask: askIdSchema })

export const ASK_ROUTES = {
  ask: route('POST', '/v1/asks', askRequest, askReport),
  asks: route(
    'GET',
    '/v1/asks',
    z.strictObject({ limit: z.coerce.number().int().min(1).max(1_000).default(100) }),
    z.array(askReport),
  ),
  showAsk: route(
    'GET',
    '/v1/asks/:ask',
    askPath,
    askReport.extend({
      text: z.string(),
      /** Those it has come through, its first asker first: our names for them, or node ids. */
      chain: z.array(z.string()),
      answer: z.string(),
    }),
  ),
  cancelAsk: route('POST', '/v1/asks/:ask/cancel', askPath, askReport),
  askEvents: streamRoute(
    '/v1/asks/:ask/events',
    askPath.extend({ after: z.exactOptional(z.coerce.number().int().nonnegative()) }),
    askStreamItem,
  ),
}

export type AskReport = z.infer<typeof askReport>
export type AskStreamItem = z.infer<typeof askStreamItem>
