import { SOFTWARE } from '../../protocol/software.ts'
import type { StatusEnd } from '../../protocol/status.ts'
import type { Approvals } from '../agent/approvals.ts'
import type { Copies } from '../copies.ts'
import type { RotationRequests } from '../rotation-requests.ts'
import type { JobHost } from '../scheduler/job-host.ts'
import { approvalAnswerVerb, approvalListVerb } from './approval.ts'
import { askVerb, attachVerb, cancelVerb, getVerb } from './ask.ts'
import type { NewAskComponents } from './ask.ts'
import { auditHeadVerb } from './audit-head.ts'
import type { AuditHeadVerbComponents } from './audit-head.ts'
import { byeVerb } from './bye.ts'
import type { ByeVerbComponents } from './bye.ts'
import { jobRunVerb } from './job-run.ts'
import { keyAnnounceVerb, keyLogVerb } from './key-log.ts'
import type { KeyLogVerbsComponents } from './key-log.ts'
import { copyVerb } from './copy.ts'
import { keyRequestVerb } from './key-request.ts'
import { pingVerb } from './ping.ts'
import { statusVerb } from './status.ts'
import type { AnyVerb } from './verb.ts'

export type VerbComponents = NewAskComponents &
  AuditHeadVerbComponents &
  ByeVerbComponents &
  KeyLogVerbsComponents & {
    approvals: Pick<Approvals, 'pending' | 'answer'>
    jobs: Pick<JobHost, 'runFor'>
    copies: Pick<Copies, 'told'>
    requests: Pick<RotationRequests, 'take'>
    summary: () => StatusEnd
    /** Of this node, in ms since the epoch. */
    startedAt: number
  }

/** All that a peer can call: one line for each verb. */
export function createVerbs(components: VerbComponents, init: { ownId: string }): AnyVerb[] {
  const { startedAt, summary } = components
  return [
    pingVerb({ software: SOFTWARE, startedAt }),
    askVerb(components, init),
    attachVerb(components),
    cancelVerb(components),
    getVerb(components),
    statusVerb(summary),
    auditHeadVerb(components),
    approvalListVerb(components),
    approvalAnswerVerb(components),
    keyLogVerb(components),
    keyAnnounceVerb(components),
    byeVerb(components),
    copyVerb(components),
    keyRequestVerb(components),
    jobRunVerb(components),
  ]
}
