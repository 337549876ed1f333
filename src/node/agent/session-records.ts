import { z } from 'zod'

const at = z.int()
const count = z.int().nonnegative()

/** One session: where its messages stand, and what the oldest of them have become. */
export const sessionSchema = z.strictObject({
  /** Node id of its asker, and the asker's own name for it. */
  asker: z.string(),
  session: z.string(),
  /** Times are ms since the epoch, by our clock. */
  startedAt: at,
  lastAt: at,
  /** Messages are numbered from 0. Those from `first` on are kept, up to before `next`. */
  first: count,
  next: count,
  /** Those from `from` on count one by one; for those before, `summary` stands. */
  from: count,
  summary: z.exactOptional(z.string()),
  /** Text that is kept, in bytes of UTF-8. */
  bytes: count,
  compactions: count,
})

export type SessionRecord = z.infer<typeof sessionSchema>

export const messageSchema = z.strictObject({
  role: z.enum(['user', 'assistant']),
  text: z.string(),
  at,
})

export type MessageRecord = z.infer<typeof messageSchema>

/** That a session was shortened. What its summary stands for is still there, while the session has room for it. */
export const compactionSchema = z.strictObject({
  at,
  trigger: z.enum(['tokens', 'messages', 'person']),
  tokensBefore: count,
  tokensAfter: count,
  /** Messages that the summary stands for, with those of the summary before. */
  messages: count,
  truncated: z.boolean(),
})

export type CompactionRecord = z.infer<typeof compactionSchema>
