import { KithError, isFailure } from '../../protocol/errors.ts'
import { MAX_LISTED_APPROVALS, approvalAnswerCall, emptyCall } from '../../protocol/verbs.ts'
import type { ListedApproval } from '../../protocol/verbs.ts'
import { hasPart } from '../agent/approval-records.ts'
import type { ApprovalRecord } from '../agent/approval-records.ts'
import type { Approvals } from '../agent/approvals.ts'
import { defineVerb } from './verb.ts'
import type { AnyVerb } from './verb.ts'

/** `approval.list`: what waits for a person here, save for what the caller has a part in. */
export function approvalListVerb({
  approvals,
}: {
  approvals: Pick<Approvals, 'pending'>
}): AnyVerb {
  return defineVerb({
    name: 'approval.list',
    body: emptyCall,
    run: ({ peer }) => ({
      approvals: approvals
        .pending()
        .filter((approval) => !hasPart(approval, peer.id))
        .slice(0, MAX_LISTED_APPROVALS)
        .map(listed),
    }),
  })
}

/** `approval.answer`: another node of the owner's decides. Never on what it has asked for itself. */
export function approvalAnswerVerb({
  approvals,
}: {
  approvals: Pick<Approvals, 'answer'>
}): AnyVerb {
  return defineVerb({
    name: 'approval.answer',
    body: approvalAnswerCall,
    run: async ({ body: { answer, approval }, peer }) => {
      const by = { name: peer.pin.name, id: peer.id }
      const closed = await approvals.answer(approval, answer, by).catch((err: unknown) => {
        throw isFailure(err, 'unknown-approval') ? unknown(err) : err
      })
      return { approval, state: closed.state }
    },
  })
}

/** Our names for others never cross the wire: their ids do. */
function listed({
  ask,
  asker,
  chain,
  expiresAt,
  id,
  openedAt,
  session,
  tool,
  toolClass,
  what,
}: ApprovalRecord): ListedApproval {
  return {
    approval: id,
    ask,
    asker: asker.id,
    chain,
    ...(session === undefined ? {} : { session }),
    tool,
    class: toolClass,
    what,
    openedAt,
    expiresAt,
  }
}

function unknown(cause: KithError): KithError<'bad-request'> {
  return new KithError('bad-request', cause.message, { what: 'approval: unknown' }, { cause })
}
