import { unverifiedAuditHead } from '../../../protocol/audit-head.ts'
import { askPeers } from '../../audit/ask-peers.ts'
import { auditEntries } from '../../audit/show.ts'
import { hexOf } from '../../audit/verify.ts'
import { digestSince } from '../../digest.ts'
import type { KithNode } from '../../node.ts'
import type { Peer } from '../../pins.ts'
import type { HeldReport, RECORD_ROUTES } from '../routes/records.ts'
import type { HandlersOf } from '../routes/route.ts'

export function recordHandlers(node: KithNode): HandlersOf<typeof RECORD_ROUTES> {
  const { audit, caller, pins, records, self } = node
  return {
    audit: async ({ kinds, limit, since, who }) => {
      await audit.flush()
      return await auditEntries(audit.journal, {
        limit,
        ...(kinds === undefined ? {} : { kinds: kinds.split(',') }),
        ...(since === undefined ? {} : { since }),
        ...(who === undefined ? {} : { who }),
      })
    },
    verifyAudit: async () => await records.verify(),
    auditWitnesses: async (_, signal) => await askPeers({ audit, caller, pins, self }, signal),
    auditHeld: async () => {
      const reports = await Promise.all(pins.peers().map((peer) => heldOf(node, peer)))
      return reports.filter(({ contradictions, kept }) => kept > 0 || contradictions.length > 0)
    },
    diff: async ({ since }) => await records.diff(since),
    digest: async ({ since }) => await digestSince(node, since, await records.activity(since)),
  }
}

async function heldOf({ records }: KithNode, { id = '', pin }: Peer): Promise<HeldReport> {
  const kept = await records.held.kept(id)
  const newest = kept.at(-1)
  return {
    peer: pin.name,
    kept: kept.length,
    ...(newest === undefined ? {} : { newest: reportKept(newest) }),
    contradictions: (await records.held.contradictions(id)).map((one) => {
      const { hash, seq } = unverifiedAuditHead(one.shown)
      return {
        at: one.at,
        problem: one.problem,
        kept: { ...reportKept(one.kept), signed: hexOf(one.kept.signed) },
        shown: { seq, hash: hexOf(hash), signed: hexOf(one.shown) },
      }
    }),
  }
}

function reportKept({
  hash,
  receivedAt,
  seq,
}: {
  hash: Uint8Array
  receivedAt: number
  seq: number
}) {
  return { seq, hash: hexOf(hash), receivedAt }
}
