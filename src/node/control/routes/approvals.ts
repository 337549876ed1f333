import { z } from 'zod'
import { APPROVAL_ANSWERS, askIdSchema } from '../../../protocol/verbs.ts'
import { at, nothing, peerName, route, streamRoute } from './route.ts'

const text = z.string()

export const approvalReport = z.strictObject({
  approval: askIdSchema,
  state: z.enum(['open', 'granted', 'denied', 'expired', 'withdrawn']),
  ask: text,
  /** Our name for it, `self`, `token NAME`, or its node id when it is not pinned here. */
  asker: text,
  /** The same for the nodes that it came through, who asked first before the others; absent for the asker alone. */
  chain: z.exactOptional(z.array(text)),
  session: z.exactOptional(text),
  tool: text,
  class: text,
  /** What would be done, in one line. */
  what: text,
  /** All of it, or its beginning, where `what` is an account. Told of one that is shown alone. */
  details: z.exactOptional(text),
  openedAt: at,
  expiresAt: at,
  closedAt: z.exactOptional(at),
  /** For which calls it was granted, and who has answered. */
  scope: z.exactOptional(z.enum(['once', 'session', 'always'])),
  by: z.exactOptional(text),
})

/** A yes to all calls that are alike. */
export const rememberedReport = z.strictObject({
  /** The approval by which it was given. */
  approval: askIdSchema,
  scope: z.enum(['session', 'always']),
  asker: text,
  /** Who has to have asked first; absent for the asker itself. */
  first: z.exactOptional(text),
  session: z.exactOptional(text),
  tool: text,
  class: text,
  what: text,
  at,
  by: text,
})

const approvalPath = z.strictObject({ approval: askIdSchema })

export const APPROVAL_ROUTES = {
  /** The oldest first. With a peer, those that wait there and that this node may answer. */
  approvals: route(
    'GET',
    '/v1/approvals',
    z.strictObject({
      which: z.exactOptional(z.enum(['open', 'all'])),
      peer: z.exactOptional(peerName),
    }),
    z.array(approvalReport),
  ),
  /** The approvals that are open, then each as it opens; only those after the id `after`, if it is given. */
  approvalEvents: streamRoute(
    '/v1/approvals/events',
    z.strictObject({ after: z.exactOptional(askIdSchema) }),
    approvalReport,
  ),
  showApproval: route('GET', '/v1/approvals/:approval', approvalPath, approvalReport),
  /** With a peer, one that waits there. */
  answerApproval: route(
    'POST',
    '/v1/approvals/:approval/answer',
    approvalPath.extend({ answer: z.enum(APPROVAL_ANSWERS), peer: z.exactOptional(peerName) }),
    z.strictObject({
      approval: askIdSchema,
      state: z.enum(['granted', 'denied']),
      /** True for a yes that was meant for more and can only be for this call. Of one here. */
      onceOnly: z.exactOptional(z.literal(true)),
    }),
  ),
  /** The answers that hold for more than one call, the oldest first. */
  rememberedAnswers: route('GET', '/v1/remembered-answers', nothing, z.array(rememberedReport)),
  forgetAnswer: route(
    'POST',
    '/v1/remembered-answers/:approval/forget',
    approvalPath,
    rememberedReport,
  ),
}

export type ApprovalReport = z.infer<typeof approvalReport>
export type RememberedReport = z.infer<typeof rememberedReport>
