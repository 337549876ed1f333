import { KithError } from '../../protocol/errors.ts'
import { auditHeadCall } from '../../protocol/verbs.ts'
import type { HeldHeads } from '../audit/held-heads.ts'
import type { OwnHeads } from '../audit/own-heads.ts'
import { defineVerb } from './verb.ts'
import type { AnyVerb } from './verb.ts'

export interface AuditHeadVerbComponents {
  heads: () => { own: Pick<OwnHeads, 'at' | 'newest'>; held: Pick<HeldHeads, 'signedOf'> }
}

/** `audit.head`: signed heads of our audit log, and those of the caller's that we keep. */
export function auditHeadVerb({ heads }: AuditHeadVerbComponents): AnyVerb {
  return defineVerb({
    name: 'audit.head',
    body: auditHeadCall,
    run: async ({ peer, body }) => {
      const { held, own } = heads()
      const head = await own.newest()
      if (head === undefined) {
        throw new KithError('internal', 'the audit log has no entry', { incident: 'audit' })
      }
      return { head, at: await own.at(body.at), held: await held.signedOf(peer.id) }
    },
  })
}
