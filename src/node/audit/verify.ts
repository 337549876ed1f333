import type { Database } from '../../store/database.ts'
import type { Journal } from '../../store/journal.ts'
import type { AuditBody } from './audit-entry.ts'
import { CHECKPOINT, ownHeadsIn, verifiedHead } from './own-heads.ts'

/** What is wrong with an audit log: with the entry, with what was signed of it, or with what a signature says. */
export type AuditProblem = 'edited' | 'missing' | 'reordered' | 'rewritten' | 'forged' | 'pruned'

/** What was found; of several bad entries, the first. Hashes are in hex. */
export type AuditVerdict =
  | {
      intact: true
      /** Numbers of the oldest entry, and how many there are. */
      first: number
      entries: number
      head?: { seq: number; hash: string }
      /** The newest entry that the node has signed, and when. */
      signed?: { seq: number; at: number }
    }
  | { intact: false; seq: number; problem: AuditProblem }

/**
 * Whether `journal`, the audit log in this store, is the one that was written: each entry unedited and in its place, nothing missing
 * but what was pruned behind a signed head, and at each number that was signed the entry that was. `keyLog` is the node's.
 */
export async function verifyAudit(
  database: Database,
  journal: Journal<AuditBody>,
  keyLog: readonly Uint8Array[],
): Promise<AuditVerdict> {
  const chain = await journal.verify()
  if (!chain.intact) return chain
  const first = (await journal.anchor()).seq + 1
  const signed = await verifySigned(database, journal, keyLog)
  if ('intact' in signed) return signed
  const { seq, hash } = chain.head
  return {
    intact: true,
    first,
    entries: chain.entries,
    ...(seq === 0 ? {} : { head: { seq, hash: hexOf(hash) } }),
    ...(signed.newest === undefined ? {} : { signed: signed.newest }),
  }
}

type Bad = Extract<AuditVerdict, { intact: false }>

async function verifySigned(
  database: Database,
  journal: Journal<AuditBody>,
  keyLog: readonly Uint8Array[],
): Promise<Bad | { newest: { seq: number; at: number } | undefined }> {
  const anchor = await journal.anchor()
  let newest: { seq: number; at: number } | undefined
  let isAnchorSigned = anchor.seq === 0
  const bad: Bad[] = []
  for await (const [key, { signed }] of ownHeadsIn(database).entries()) {
    const head = verifiedHead(signed, keyLog)
    if (head === undefined) {
      bad.push({ intact: false, seq: journal.head.seq, problem: 'forged' })
      continue
    }
    const { at, first, hash, seq } = head
    if (seq > (newest?.seq ?? 0)) newest = { seq, at }
    // It says of itself that nothing up to it is left, as no other head does. A crash may have cut the pruning short.
    const isCheckpoint = key === CHECKPOINT && first === seq + 1
    if (isCheckpoint && seq >= anchor.seq) isAnchorSigned = true
    const there = await hashAt(journal, seq)
    if (there === 'pruned') continue
    if (there === undefined) {
      bad.push({ intact: false, seq: journal.head.seq + 1, problem: 'missing' })
    } else if (Buffer.compare(there, hash) !== 0) {
      bad.push({ intact: false, seq, problem: 'rewritten' })
    }
  }
  if (!isAnchorSigned) bad.push({ intact: false, seq: anchor.seq, problem: 'pruned' })
  return bad.sort((a, b) => a.seq - b.seq)[0] ?? { newest }
}

/** Hash of the entry with this number, also of the last one that was pruned; undefined beyond the end. */
export async function hashAt(
  journal: Pick<Journal<AuditBody>, 'anchor' | 'read'>,
  seq: number,
): Promise<Uint8Array | 'pruned' | undefined> {
  const anchor = await journal.anchor()
  if (seq === anchor.seq) return anchor.hash
  if (seq < anchor.seq) return 'pruned'
  for await (const { hash } of journal.read({ from: seq, to: seq })) return hash
  return undefined
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
