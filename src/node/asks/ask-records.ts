import { z } from 'zod'
import { nameSchema } from '../../protocol/pin.ts'
import { ASK_STATES, askBudget, askFinal, bytes } from '../../protocol/verbs.ts'

/** A job of the owner, and what all its asks of a day may cost together. */
export const jobSchema = z.strictObject({ name: nameSchema, cap: askBudget })

/** Where an ask stands, as it is on disk. */
export const recordSchema = z.strictObject({
  direction: z.enum(['in', 'out']),
  ask: z.string(),
  /** Node id of the other side. */
  peer: z.string(),
  state: z.enum(ASK_STATES),
  /** Times are ms since the epoch, by our clock. */
  receivedAt: z.int(),
  deadlineAt: z.int(),
  finalAt: z.exactOptional(z.int()),
  final: z.exactOptional(askFinal),
  /** SHA-256 of the call: tells a duplicate from another ask under the same id. */
  digest: bytes,
  /** Set at the asker when its person cancelled: the peer is told so as soon as it can be. */
  cancelled: z.exactOptional(z.boolean()),
  /** The ask to us for which it was made. Absent when its person has made it. */
  onBehalfOf: z.exactOptional(z.string()),
  /** Of an ask of the owner to this node alone: a call does not have it, so that it crosses no wire. */
  job: z.exactOptional(jobSchema),
})

/** A step in the life of an ask: content itself is elsewhere, its hash is here. */
export const stepSchema = z.strictObject({
  direction: z.enum(['in', 'out']),
  peer: z.string(),
  ask: z.string(),
  step: z.enum([...ASK_STATES, 'event', 'cancel']),
  digest: bytes,
})
