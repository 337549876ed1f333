import { z } from 'zod'
import { KithError } from './errors.ts'
import {
  MAX_ASK_SECONDS,
  MAX_ASK_TEXT_BYTES,
  MAX_CHAIN,
  MAX_EVENT_TEXT_BYTES,
  MAX_KEY_EVENT_BYTES,
  MAX_KEY_LOG_EVENTS,
} from './limits.ts'
import { isNodeId } from './node-id.ts'
import { isUuidV7 } from './uuid.ts'

/*
 * The bodies of each verb's call, events and end. A strict schema each way: what it does not name is refused,
 * in both directions.
 */

const uint = z.number().int().nonnegative()
/** Bytes, wherever they come from. */
export const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, {
  message: 'not bytes',
})
const nodeId = z.string().refine(isNodeId, { message: 'no node id' })
const text = (limitBytes: number): z.ZodString =>
  z
    .string()
    .refine((value) => value.length <= limitBytes && Buffer.byteLength(value) <= limitBytes, {
      message: `longer than ${limitBytes} bytes`,
    })

/** What an ask's tools may do: each covers what those before it cover. */
export const STANDARD_PRESETS = ['none', 'read-only', 'write', 'full'] as const

/** Longest note of an event, and longest name of a tool, of its class and of its call, in UTF-16 units. */
const MAX_NOTE_CHARS = 1_024
const MAX_TOOL_NAME_CHARS = 128
const MAX_TOOL_CALL_CHARS = 128

/** Longest nonce of a ping, and longest padding of its answer, in bytes. */
export const MAX_PING_BYTES = 1_024

export const askIdSchema = z.string().refine(isUuidV7, { message: 'not a UUIDv7' })
export const sessionSchema = z.string().regex(/^[\w.:-]{1,64}$/)

export const pingCall = z.strictObject({
  nonce: bytes.refine((nonce) => nonce.byteLength <= MAX_PING_BYTES),
  /** So many bytes of padding are wanted back: a round trip of the size that is of interest. */
  size: z.exactOptional(uint.max(MAX_PING_BYTES)),
})
export const pingEnd = z.strictObject({
  /** The answerer's clock, in ms since the epoch. */
  at: uint,
  nonce: bytes,
  pad: z.exactOptional(bytes),
  software: z.string().max(64),
  uptimeMs: uint,
  versions: z.tuple([uint, uint]),
})

/** Most that an ask may cost; `microUsd` in millionths of a US dollar. */
export const askBudget = z.strictObject({
  microUsd: z.exactOptional(uint),
  tokens: z.exactOptional(uint),
})

export const askCall = z.strictObject({
  /** UUIDv7, made and stored by the asker before any network. */
  ask: askIdSchema,
  text: text(MAX_ASK_TEXT_BYTES).min(1),
  /** The nodes this ask has come through, the sender last. One alone: the sender asks for itself. */
  chain: z.array(nodeId).min(1).max(MAX_CHAIN),
  session: z.exactOptional(sessionSchema),
  /** Time from being received to the end, in ms. The grant may cut it. */
  timeoutMs: uint.min(1).max(MAX_ASK_SECONDS * 1_000),
  /** The ask that this one tries again. */
  retryOf: z.exactOptional(askIdSchema),
  /** Its tools are to do no more than this, whatever is granted: as for the ask that it was made for. */
  preset: z.exactOptional(z.enum(STANDARD_PRESETS)),
  /** It is to cost no more than this, whatever is granted. */
  budget: z.exactOptional(askBudget),
})

/** Sequence number 0 and not journaled; all others count from 1. */
export const askAccepted = z.strictObject({
  kind: z.literal('accepted'),
  /** Asks of this peer that stand before it; 0 when it runs at once. */
  position: uint,
})
export const askText = z.strictObject({ kind: z.literal('text'), text: text(MAX_EVENT_TEXT_BYTES) })
export const askProgress = z.strictObject({
  kind: z.literal('progress'),
  note: z.string().max(MAX_NOTE_CHARS),
})
/** `begun`, then one of the others for the same `call`. */
export const askTool = z.strictObject({
  kind: z.literal('tool'),
  call: z.string().min(1).max(MAX_TOOL_CALL_CHARS),
  name: z.string().min(1).max(MAX_TOOL_NAME_CHARS),
  state: z.enum(['begun', 'done', 'failed', 'denied']),
})
/** `waiting`, then one of the others for the same `approval`. Between them the ask is `waiting-approval`. */
export const askApproval = z.strictObject({
  kind: z.literal('approval'),
  approval: askIdSchema,
  state: z.enum(['waiting', 'granted', 'denied', 'expired']),
  what: z.string().max(MAX_NOTE_CHARS),
})
export const askEvent = z.discriminatedUnion('kind', [
  askAccepted,
  askText,
  askProgress,
  askTool,
  askApproval,
])

/** The end of an ask that is done. All other ends are failures with their code. */
export const askEnd = z.strictObject({
  ask: askIdSchema,
  engine: z.string().max(64),
  /** Sequence number of the last event: whoever has all up to it has the whole answer. */
  lastSeq: uint,
})

/** A code that may cross the wire, or at the asker one of its own, such as `unreachable`. */
export const askFinal = z.discriminatedUnion('outcome', [
  z.strictObject({ outcome: z.literal('done'), end: askEnd }),
  z.strictObject({
    outcome: z.literal('failed'),
    code: z.string().max(64),
    details: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
])

export const attachCall = z.strictObject({
  ask: askIdSchema,
  /** Events after this sequence number are wanted. */
  after: uint,
})
export const cancelCall = z.strictObject({ ask: askIdSchema })
export const getCall = z.strictObject({ ask: askIdSchema })
export const ASK_STATES = [
  'received',
  'queued',
  'claimed',
  'running',
  'waiting-approval',
  'done',
  'failed',
  'cancelled',
  'expired',
  'interrupted',
  'refused',
] as const
export const askSummary = z.strictObject({
  ask: askIdSchema,
  state: z.enum(ASK_STATES),
  lastSeq: uint,
})

export const emptyCall = z.strictObject({})
/** Most approvals in one list. */
export const MAX_LISTED_APPROVALS = 64

/** A call of a tool that waits for a person. */
export const listedApproval = z.strictObject({
  approval: askIdSchema,
  ask: askIdSchema,
  /** Who asked: the answerer itself when its owner did. */
  asker: nodeId,
  /** The nodes that the ask came through, its first asker first, `asker` last. Empty for the answerer's own. */
  chain: z.array(nodeId).max(MAX_CHAIN),
  session: z.exactOptional(sessionSchema),
  tool: z.string().max(MAX_TOOL_NAME_CHARS),
  class: z.string().max(MAX_TOOL_NAME_CHARS),
  what: z.string().max(MAX_NOTE_CHARS),
  /** By the answerer's clock, in ms since the epoch. */
  openedAt: uint,
  expiresAt: uint,
})
/** The oldest first. */
export const approvalListEnd = z.strictObject({
  approvals: z.array(listedApproval).max(MAX_LISTED_APPROVALS),
})
/** Yes to this one call, to all that are like it in this session, or to all that are like it; or no. */
export const APPROVAL_ANSWERS = ['once', 'session', 'always', 'deny'] as const
export const approvalAnswerCall = z.strictObject({
  approval: askIdSchema,
  answer: z.enum(APPROVAL_ANSWERS),
})
export const approvalAnswerEnd = z.strictObject({
  approval: askIdSchema,
  state: z.enum(['granted', 'denied']),
})

/** `job`: the answerer's name for it. */
export const jobRunCall = z.strictObject({ job: z.string().min(1).max(64) })
export const jobRunEnd = z.strictObject({ run: z.string().refine(isUuidV7) })

const keyLog = z.array(bytes).min(1).max(MAX_KEY_LOG_EVENTS)
/** Without an id, the answerer's own log is wanted. */
export const keyLogCall = z.strictObject({ id: z.exactOptional(nodeId) })
export const keyLogEnd = z.strictObject({ log: keyLog })
export const keyAnnounceCall = z.strictObject({ log: keyLog })
export const keyAnnounceEnd = z.strictObject({
  /** Signed: this is what the answerer holds now. */
  receipt: bytes,
  /** It holds two valid events that stand against each other. */
  frozen: z.exactOptional(z.literal(true)),
  /** What it holds, where that is another log than the one announced: one that goes on, or another branch. */
  log: z.exactOptional(keyLog),
})

/** A signed request, as `kith/rotation-request/1` has it. */
export const keyRequestCall = z.strictObject({
  request: bytes.refine((request) => request.byteLength <= MAX_KEY_EVENT_BYTES),
})
export const keyRequestEnd = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('waiting') }),
  z.strictObject({ state: z.literal('endorsed'), bytes, signature: bytes }),
])

/** Most entries that one call asks about, and most signed heads in one list. */
export const MAX_AUDIT_HEADS = 40

const auditHeads = z
  .array(bytes.refine((head) => head.byteLength <= MAX_KEY_EVENT_BYTES))
  .max(MAX_AUDIT_HEADS)
export const auditHeadCall = z.strictObject({
  /** Numbers of entries: what does the answerer's log say there? */
  at: z.array(uint.min(1)).max(MAX_AUDIT_HEADS),
})
export const auditHeadEnd = z.strictObject({
  /** Signed: the newest entry. */
  head: bytes.refine((head) => head.byteLength <= MAX_KEY_EVENT_BYTES),
  /** Signed, for each entry asked about that the log still has. */
  at: auditHeads,
  /** What the answerer keeps of the caller's heads. */
  held: auditHeads,
})

/** The end is the empty map. */
export const peerByeCall = z.strictObject({
  /** Signed: the caller has unpinned the answerer. */
  bye: bytes,
})

/** The end is the empty map. */
export const peerCopyCall = z.strictObject({
  /** That of another copy of the answerer, as it was in its hello. */
  epoch: z.int().nonnegative(),
})

export type ApprovalAnswer = (typeof APPROVAL_ANSWERS)[number]
export type ListedApproval = z.infer<typeof listedApproval>
export type AuditHeadEnd = z.infer<typeof auditHeadEnd>
export type AskCall = z.infer<typeof askCall>
export type AskEventBody = z.infer<typeof askEvent>
export type AskEnd = z.infer<typeof askEnd>
export type AskSummary = z.infer<typeof askSummary>
export type PingEnd = z.infer<typeof pingEnd>

/** How an ask ended: its answer is whole, or it failed for one cause. Stored once and given again as it is. */
export type AskFinal = z.infer<typeof askFinal>

/** `value` as `schema` has it. @throws {KithError} `bad-request` that names the first key that does not fit. */
export function parseBody<T>(schema: z.ZodType<T>, value: unknown): T {
  // Bytes are an object to zod: none at all would pass for a map without keys.
  const parsed = schema.safeParse(value instanceof Uint8Array ? null : value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const fault = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unfit'}`
  // A cut through a character would leave half of it, and that cannot be sent.
  const what = fault.slice(0, 200).toWellFormed()
  throw new KithError('bad-request', `the body does not fit: ${what}`, { what })
}
