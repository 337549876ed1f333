import { OWNER_NAME } from '../../../agent/ports.ts'
import { approvalAnswerEnd, approvalListEnd } from '../../../protocol/verbs.ts'
import type { ListedApproval } from '../../../protocol/verbs.ts'
import type { ApprovalRecord, Party, RememberedRecord } from '../../agent/approval-records.ts'
import type { Approvals } from '../../agent/approvals.ts'
import { unknownPeer } from '../../asks/ask-desk.ts'
import type { Caller } from '../../caller.ts'
import type { Peer, Pins } from '../../pins.ts'
import { follow } from '../follow.ts'
import type { APPROVAL_ROUTES, ApprovalReport, RememberedReport } from '../routes/approvals.ts'
import type { HandlersOf } from '../routes/route.ts'

/** How long a peer has for its answer. */
const TIMEOUT_MS = 10_000

export interface ApprovalHandlersComponents {
  approvals: Approvals
  caller: Pick<Caller, 'call'>
  pins: Pick<Pins, 'byId' | 'byName'>
  self: { id: string }
  /** By whose token an ask of this node itself was submitted; undefined for the owner's own. */
  submitterOf: (ask: string) => Promise<string | undefined>
}

export function approvalHandlers(
  node: ApprovalHandlersComponents,
): HandlersOf<typeof APPROVAL_ROUTES> {
  const { approvals, caller, self } = node
  const reported = async (approval: ApprovalRecord): Promise<ApprovalReport> =>
    await reportApproval(node, approval)
  return {
    approvals: async ({ peer: name, which }, signal) => {
      if (name === undefined) {
        const kept = which === 'all' ? approvals.list() : approvals.pending()
        return await Promise.all(kept.map(reported))
      }
      const options = { deadlineMs: TIMEOUT_MS, signal }
      const end = await caller.call(find(node, name), 'approval.list', {}, approvalListEnd, options)
      return end.approvals.map((listed) => reportListed(node, listed))
    },
    showApproval: async ({ approval }) => {
      const shown = approvals.get(approval)
      const { details } = shown
      return { ...(await reported(shown)), ...(details === undefined ? {} : { details }) }
    },
    answerApproval: async ({ answer, approval, peer: name }, signal) => {
      if (name === undefined) {
        const by = { name: OWNER_NAME, id: self.id }
        const { scope, state } = await approvals.answer(approval, answer, by)
        if (state !== 'granted') return { approval, state: 'denied' }
        return { approval, state, ...(scope === answer ? {} : { onceOnly: true }) }
      }
      const peer = find(node, name)
      const call = { approval, answer }
      const options = { deadlineMs: TIMEOUT_MS, signal }
      return await caller.call(peer, 'approval.answer', call, approvalAnswerEnd, options)
    },
    approvalEvents: async ({ after = '' }, signal) =>
      events(
        follow(
          {
            list: () => approvals.pending(),
            listen: (listener) => approvals.onOpen(listener),
          },
          after,
          signal,
        ),
        reported,
      ),
    rememberedAnswers: async () =>
      approvals.answers.list().map((answer) => reportRemembered(node, answer)),
    forgetAnswer: async ({ approval }) =>
      reportRemembered(node, await approvals.answers.forget(approval)),
  }
}

async function* events(
  opened: AsyncIterable<ApprovalRecord>,
  reported: (approval: ApprovalRecord) => Promise<ApprovalReport>,
): AsyncGenerator<ApprovalReport> {
  for await (const approval of opened) yield await reported(approval)
}

async function reportApproval(
  node: ApprovalHandlersComponents,
  approval: ApprovalRecord,
): Promise<ApprovalReport> {
  const { ask, asker, closedAt, expiresAt, openedAt, scope, state } = approval
  // Whoever says yes has to know that it is not to something of their own.
  const submitter = asker.id === node.self.id ? await node.submitterOf(ask) : undefined
  return {
    ...callOf(node, approval),
    ...(submitter === undefined ? {} : { asker: submitter }),
    state,
    ask,
    ...chainOf(node, approval.chain),
    openedAt,
    expiresAt,
    ...(closedAt === undefined ? {} : { closedAt }),
    ...(scope === undefined ? {} : { scope }),
    ...(approval.by === undefined ? {} : { by: nameOf(node, approval.by) }),
  }
}

function reportListed(
  node: ApprovalHandlersComponents,
  { asker, chain, ...same }: ListedApproval,
): ApprovalReport {
  return { ...same, ...chainOf(node, chain), state: 'open', asker: nameOfId(node, asker) }
}

function reportRemembered(
  node: ApprovalHandlersComponents,
  answer: RememberedRecord,
): RememberedReport {
  const { asker, at, by, first, scope } = answer
  const origin = first === asker.id ? {} : { first: nameOfId(node, first) }
  return { ...callOf(node, answer), ...origin, scope, at, by: nameOf(node, by) }
}

/** Alone in a chain is the asker. */
function chainOf(
  node: ApprovalHandlersComponents,
  chain: readonly string[],
): Pick<ApprovalReport, 'chain'> {
  return chain.length > 1 ? { chain: chain.map((id) => nameOfId(node, id)) } : {}
}

function callOf(
  node: ApprovalHandlersComponents,
  { asker, id, session, tool, toolClass, what }: ApprovalRecord | RememberedRecord,
): Pick<ApprovalReport, 'approval' | 'asker' | 'session' | 'tool' | 'class' | 'what'> {
  return {
    approval: id,
    asker: nameOf(node, asker),
    ...(session === undefined ? {} : { session }),
    tool,
    class: toolClass,
    what,
  }
}

/** Our name for a node now; for one that is no longer pinned, the one that it had. */
function nameOf({ pins, self }: ApprovalHandlersComponents, { id, name }: Party): string {
  return id === self.id ? OWNER_NAME : (pins.byId(id)?.pin.name ?? name)
}

function nameOfId(node: ApprovalHandlersComponents, id: string): string {
  return nameOf(node, { name: id, id })
}

function find({ pins }: ApprovalHandlersComponents, name: string): Peer {
  const peer = pins.byName(name)
  if (peer === undefined) throw unknownPeer(name)
  return peer
}
