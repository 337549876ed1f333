import { KithError } from '../../../protocol/errors.ts'
import type { SessionRecord } from '../../agent/session-records.ts'
import type { RememberedAnswers } from '../../agent/remembered-answers.ts'
import type { SessionStore } from '../../agent/sessions.ts'
import { askerId, askerName } from '../asker-names.ts'
import type { AskerNames } from '../asker-names.ts'
import type { SESSION_ROUTES, SessionReport } from '../routes/sessions.ts'
import type { HandlersOf } from '../routes/route.ts'

export interface SessionNode extends AskerNames {
  readonly agent: {
    sessions: Pick<SessionStore, 'list' | 'remove' | 'show'>
    approvals: { answers: Pick<RememberedAnswers, 'forgetIf'> }
  }
}

export function sessionHandlers(node: SessionNode): HandlersOf<typeof SESSION_ROUTES> {
  return {
    sessions: async () => {
      const records = await node.agent.sessions.list()
      return records.toSorted((a, b) => b.lastAt - a.lastAt).map((record) => reportOf(node, record))
    },
    showSession: async ({ asker, session }) => {
      const view = await node.agent.sessions.show({ asker: askerId(node, asker), session })
      if (view === undefined) throw unknownSession(asker, session)
      const { messages, record } = view
      return {
        report: reportOf(node, record),
        ...(record.summary === undefined ? {} : { summary: record.summary }),
        messages,
      }
    },
    removeSession: async ({ asker, session }) => {
      const { approvals, sessions } = node.agent
      const key = { asker: askerId(node, asker), session }
      const view = await sessions.show(key)
      if (view === undefined || !(await sessions.remove(key))) throw unknownSession(asker, session)
      // What was allowed for this session is not allowed for a new one of its name.
      await approvals.answers.forgetIf(
        (answer) => answer.asker.id === key.asker && answer.session === session,
      )
      return reportOf(node, view.record)
    },
  }
}

function reportOf(node: AskerNames, record: SessionRecord): SessionReport {
  const { asker, bytes, compactions, first, lastAt, next, session, startedAt } = record
  const messages = next - first
  return { asker: askerName(node, asker), session, startedAt, lastAt, messages, bytes, compactions }
}

function unknownSession(asker: string, session: string): KithError<'unknown-session'> {
  const what = `${asker} has no session ${session} here`
  return new KithError('unknown-session', what, { session }, { hint: 'kith sessions list' })
}
