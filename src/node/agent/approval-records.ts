import { z } from 'zod'
import { cutToBytes } from '../../agent/cut.ts'
import type { ApprovalRequest, EngineAsk } from '../../agent/ports.ts'
import { assertShown } from '../../agent/shown.ts'
import { KithError } from '../../protocol/errors.ts'
import { sha256 } from '../../protocol/sha256.ts'
import { singleLine } from '../../protocol/text.ts'
import { isUuidV7 } from '../../protocol/uuid.ts'
import { bytes } from '../../protocol/verbs.ts'
import type { ApprovalAnswer } from '../../protocol/verbs.ts'

/** Longest name of a tool that is kept, in code points: the wire takes it. */
const MAX_TOOL_CHARS = 64

/** Most that is kept of what a call would write, in bytes of UTF-8. */
export const MAX_DETAILS_BYTES = 16_384

const at = z.int()
const approvalId = z.string().refine(isUuidV7)

/** Our name for a node, `self` for the owner of this one, and its id. */
const party = z.strictObject({ name: z.string(), id: z.string() })

export type Party = z.infer<typeof party>

const scope = z.enum(['once', 'session', 'always'])

/** A call of a tool that waits for a person, or has waited. Times are ms since the epoch, by our clock. */
export const approvalSchema = z.strictObject({
  /** UUIDv7, higher than that of every approval before. */
  id: approvalId,
  state: z.enum(['open', 'granted', 'denied', 'expired', 'withdrawn']),
  ask: z.string(),
  asker: party,
  session: z.exactOptional(z.string()),
  /** Ids of the nodes that the ask came through. */
  chain: z.array(z.string()),
  tool: z.string(),
  toolClass: z.string(),
  /** What would be done, in one line without secrets. */
  what: z.string(),
  /** All of it, or its beginning, where `what` is an account. */
  details: z.exactOptional(z.string()),
  /** Digest of the tool's name and of the key under which calls are alike. */
  alike: z.string(),
  /** True where no answer holds for more than this call. */
  onceOnly: z.boolean(),
  openedAt: at,
  /** The first moment at which an answer comes too late. */
  expiresAt: at,
  closedAt: z.exactOptional(at),
  /** For which calls it was granted, and who has answered. */
  scope: z.exactOptional(scope),
  by: z.exactOptional(party),
})

export type ApprovalRecord = z.infer<typeof approvalSchema>

/** With what the ask of an approval goes on in another process. */
export const checkpointSchema = z.strictObject({ checkpoint: bytes })

/** A yes to all calls that are alike: in one session, or always. */
export const rememberedSchema = z.strictObject({
  /** That of the approval by which it was given. */
  id: approvalId,
  scope: z.enum(['session', 'always']),
  asker: party,
  /** Node id of who asked first: the asker, or one that it asks for. */
  first: z.string(),
  /** For a yes to one session. */
  session: z.exactOptional(z.string()),
  tool: z.string(),
  toolClass: z.string(),
  what: z.string(),
  alike: z.string(),
  at,
  by: party,
})

export type RememberedRecord = z.infer<typeof rememberedSchema>

/** Node id of who asked first, of those whose word an ask is. */
export function firstOf({ asker, chain }: Pick<EngineAsk, 'asker' | 'chain'>): string {
  return chain[0] ?? asker.id
}

/** What becomes of an approval, and why. */
export type Closing =
  | { state: 'granted'; scope: z.infer<typeof scope>; by: Party }
  | { state: 'denied'; by: Party }
  | { state: 'expired' }
  | { state: 'withdrawn' }

/** The record of an approval that opens. @throws {KithError} `denied` for what is too long to be shown */
export function recordOf(
  { ask, details, key, onceOnly, tool, toolClass, what }: Omit<ApprovalRequest, 'checkpoint'>,
  init: Pick<ApprovalRecord, 'id' | 'openedAt' | 'expiresAt'>,
): ApprovalRecord {
  const line = singleLine(what, Infinity)
  assertShown(tool, line)
  return {
    ...init,
    state: 'open',
    ask: ask.id,
    asker: { name: ask.asker.name, id: ask.asker.id },
    ...(ask.session === undefined ? {} : { session: ask.session }),
    chain: [...ask.chain],
    tool: singleLine(tool, MAX_TOOL_CHARS),
    toolClass,
    what: line,
    ...(details === undefined ? {} : { details: keptOf(details) }),
    alike: digestOfCall(tool, key),
    onceOnly,
  }
}

function keptOf(details: string): string {
  const { leftOut, text } = cutToBytes(details, MAX_DETAILS_BYTES)
  return leftOut === 0 ? text : `${text}\n[cut here: ${leftOut} more bytes]`
}

/** Digest by which calls of a tool are found to be alike, however long their key is. */
export function digestOfCall(tool: string, key: string): string {
  return Buffer.from(sha256(Buffer.from(JSON.stringify([tool, key])))).toString('hex')
}

/** What an answer does with the approval that it is for. */
export function closingOf(answer: ApprovalAnswer, by: Party): Closing {
  return answer === 'deny' ? { state: 'denied', by } : { state: 'granted', scope: answer, by }
}

/**
 * What may be shown of a call, without its secrets.
 *
 * @throws {KithError} `denied` for a command with something in it that looks like a secret: it would run unseen
 */
export function shownOf(
  { details, tool, toolClass, what }: ApprovalRequest,
  redacted: (text: string) => string,
): Pick<ApprovalRequest, 'what' | 'details'> {
  const line = redacted(what)
  if (toolClass === 'exec' && line !== what) {
    const why = 'a person has to see all of it, and a part looks like a secret'
    throw new KithError('denied', `${tool} did not run: ${why}`, { rule: 'approve' })
  }
  return { what: line, ...(details === undefined ? {} : { details: redacted(details) }) }
}

/** What an answer comes to: where the next call alike may do another thing, a yes is to this one. */
export function heldAnswer({ onceOnly }: ApprovalRecord, answer: ApprovalAnswer): ApprovalAnswer {
  return onceOnly && answer !== 'deny' ? 'once' : answer
}

/** True if the approval was closed by the same answer, whoever gave it. */
export function isSameAnswer({ scope, state }: ApprovalRecord, answer: ApprovalAnswer): boolean {
  return answer === 'deny' ? state === 'denied' : state === 'granted' && scope === answer
}

/** True for a node that asked, or through which the ask came. */
export function hasPart({ asker, chain }: ApprovalRecord, node: string): boolean {
  return asker.id === node || chain.includes(node)
}

/** @throws {KithError} `denied` */
export function assertNoPart(approval: ApprovalRecord, node: string): void {
  if (!hasPart(approval, node)) return
  const message = 'nobody decides on what they have a part in'
  throw new KithError('denied', message, { rule: 'asker' })
}

/** @throws {KithError} `bad-request` for a yes to the session of an ask that has none */
export function assertFits({ session }: ApprovalRecord, answer: ApprovalAnswer): void {
  if (answer !== 'session' || session !== undefined) return
  const what = 'answer: the ask is of no session'
  throw new KithError('bad-request', what, { what })
}

/** The error for an id that nothing here has. */
export function unknownApproval(id: string, hint: string): KithError<'unknown-approval'> {
  return new KithError(
    'unknown-approval',
    `no approval has the id ${id}`,
    { approval: id },
    { hint },
  )
}
