import type { ApprovalReport, Input } from '../../../../control/api.ts'
import { call } from '../client.ts'
import { h } from '../dom.ts'
import type { VNode } from '../dom.ts'
import { badge, button, facts, nothing, refused, section, typed, when } from '../parts.ts'
import { problemOf, valueOf } from '../view.ts'
import type { View } from '../view.ts'
import { block, duration, line } from '../words.ts'

type Answer = Input<'answerApproval'>['answer']

/** Why a yes to more than one call was a yes to one. */
const ONCE_ONLY =
  'allowed this once: what it runs may be in a file, and be something else the next time'

/** Calls of tools that wait for a person, each with all that `kith approvals show` has, and its answers. */
export function approvals(view: View): VNode {
  const open = valueOf(view, 'approvals')
  const problem = problemOf(view, 'approvals')
  return section(
    'approvals',
    'Approvals',
    open === undefined || open.length === 0 ? undefined : open.length,
    problem !== undefined && refused(view, problem),
    open?.length === 0 && nothing('Nothing waits for you.'),
    h('ul', { class: 'rows' }, ...(open ?? []).map((approval) => card(view, approval))),
  )
}

function card(view: View, report: ApprovalReport): VNode {
  const { approval, ask, class: toolClass, details, expiresAt, openedAt, session, tool } = report
  const what = line(report.what)
  const whose = line(whoseText(report))
  return h(
    'li',
    { key: approval, class: 'approval' },
    h('h3', { id: `approval-${approval}` }, what),
    h(
      'p',
      { class: 'about' },
      badge('warn', 'waits for you'),
      ` for ${whose}, ${duration(expiresAt - view.now)} left, then it counts as no`,
    ),
    details !== undefined && h('pre', { class: 'text', tabindex: 0 }, block(details)),
    facts([
      ['tool', `${line(tool)}, which is one of ${line(toolClass)}`],
      ...(session === undefined ? [] : [['session', line(session)] as const]),
      ['since', when(openedAt, view.now)],
      ['ask', h('code', {}, ask)],
      ['id', h('code', {}, approval)],
    ]),
    answers(view, report, what, whose),
  )
}

function answers(view: View, report: ApprovalReport, what: string, whose: string): VNode {
  const { approval, session } = report
  const off = !view.settled || view.actions.isBusy(approval)
  const answering = (
    label: string,
    answer: Answer,
    name: string,
    kind?: 'main' | 'danger',
  ): VNode =>
    button(
      label,
      { name: `${name}: ${what}`, off, ...(kind === undefined ? {} : { kind }) },
      () => {
        view.actions.do(approval, () => give(approval, answer, what))
      },
    )
  return h(
    'div',
    { class: 'answers' },
    answering('Allow once', 'once', 'Allow once', 'main'),
    answering('Deny', 'deny', 'Deny', 'danger'),
    h(
      'details',
      { class: 'wider' },
      h('summary', {}, 'Allow more than this call'),
      h(
        'p',
        {},
        'All calls that are like it then run without a question, until you type ',
        typed(view, `kith approvals forget ${approval}`),
      ),
      session !== undefined &&
        answering('Allow in this session', 'session', `Allow in the session ${line(session)}`),
      answering(`Always allow for ${whose}`, 'always', `Always allow for ${whose}`),
    ),
  )
}

/** Answers, and says what came of it. */
async function give(approval: string, answer: Answer, what: string): Promise<string> {
  const { onceOnly, state } = await call('answerApproval', { approval, answer })
  if (onceOnly === true) return `${what}: ${ONCE_ONLY}`
  return `${what}: ${state}`
}

/** `bert`, or `anna > bert` for what bert asks for anna. */
function whoseText({ asker, chain = [asker] }: ApprovalReport): string {
  return chain.join(' > ')
}
