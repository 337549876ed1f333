import { z } from 'zod'
import { singleLine } from '../../protocol/text.ts'

/** What the audit log tells of; `docs/records.md` says what each is. */
export const AUDIT_KINDS = [
  'start',
  'stop',
  'restored',
  'peers',
  'grants',
  'denied',
  'cancel',
  'config',
  'jobs',
  'memory',
  'key',
  'freeze',
  'alert',
  'token',
  'approval',
  'service',
  'limit',
] as const
export type AuditKind = (typeof AUDIT_KINDS)[number]

/** Something that mattered to the security of this node. */
export interface AuditEvent {
  kind: AuditKind
  /** `owner`, `node`, our name for a peer, `token NAME`, `job NAME`. */
  who: string
  /** One line that a person reads. */
  what: string
  /** What a program reads. Never secrets, prompts or bodies. */
  details?: Record<string, string | number | boolean>
}

const detail = z.union([z.string(), z.number(), z.boolean()])

/** An event as the journal keeps it. A kind that a later kith has written is no damage. */
export const auditBody = z.strictObject({
  kind: z.string(),
  who: z.string(),
  what: z.string(),
  details: z.exactOptional(z.record(z.string(), detail)),
})
export type AuditBody = z.infer<typeof auditBody>

const MAX_WHO_CHARS = 96
const MAX_WHAT_CHARS = 240
const MAX_DETAILS = 12
const MAX_DETAIL_NAME_CHARS = 48
const MAX_DETAIL_CHARS = 160

/** `event` in bounds, fit for a terminal, and without a number that CBOR does not take. Pure. */
export function auditBodyOf({ details, kind, what, who }: AuditEvent): AuditBody {
  const kept = Object.entries(details ?? {})
    .slice(0, MAX_DETAILS)
    .map(([name, value]) => [singleLine(name, MAX_DETAIL_NAME_CHARS), detailOf(value)] as const)
  return {
    kind,
    who: singleLine(who, MAX_WHO_CHARS),
    what: singleLine(what, MAX_WHAT_CHARS),
    ...(kept.length === 0 ? {} : { details: Object.fromEntries(kept) }),
  }
}

function detailOf(value: string | number | boolean): string | number | boolean {
  if (typeof value === 'string') return singleLine(value, MAX_DETAIL_CHARS)
  return typeof value === 'boolean' || Number.isSafeInteger(value) ? value : String(value)
}
