import { z } from 'zod'
import { sessionSchema } from '../../../protocol/verbs.ts'
import { at, nothing, route } from './route.ts'

/** Our name for an asker, `self` for the owner, or the node id of one that is no longer pinned. */
const asker = z.string().min(1).max(128)

export const sessionReport = z.strictObject({
  asker,
  session: z.string(),
  startedAt: at,
  lastAt: at,
  /** Those that are kept. */
  messages: z.int(),
  /** Their text, in bytes of UTF-8. */
  bytes: z.int(),
  compactions: z.int(),
})

export const sessionView = z.strictObject({
  report: sessionReport,
  /** What stands for the messages before the last compaction. */
  summary: z.exactOptional(z.string()),
  messages: z.array(z.strictObject({ role: z.enum(['user', 'assistant']), text: z.string(), at })),
})

/** In the body or the query: a peer may call its session `..`, which no path can hold. */
const which = z.strictObject({ asker: asker.default('self'), session: sessionSchema })

export const SESSION_ROUTES = {
  /** Those of every asker, the one that was used last first. */
  sessions: route('GET', '/v1/sessions', nothing, z.array(sessionReport)),
  showSession: route('GET', '/v1/session', which, sessionView),
  /** Gives what there was. */
  removeSession: route('POST', '/v1/sessions/remove', which, sessionReport),
}

export type SessionReport = z.infer<typeof sessionReport>
export type SessionView = z.infer<typeof sessionView>
