import { h } from '../dom.ts'
import type { VNode } from '../dom.ts'
import { nothing, section, sign, typed } from '../parts.ts'
import { valueOf } from '../view.ts'
import type { View } from '../view.ts'
import { line } from '../words.ts'

type Problem = NonNullable<ReturnType<typeof problemsOf>>[number]

/** What is wrong and stands in no other part of the page. Undefined until the node has said so. */
export function problemsOf(view: View): { what: string; hint?: string | undefined }[] | undefined {
  const open = (valueOf(view, 'alerts') ?? []).filter(({ seenAt }) => seenAt === undefined)
  const elsewhere = new Set(open.map(({ what }) => what))
  return valueOf(view, 'status')?.problems.filter(
    ({ hint, what }) => !elsewhere.has(what) && !isCount(view, hint),
  )
}

/** What is wrong, first of all that is shown, each with what to type next. */
export function problems(view: View): VNode {
  const found = problemsOf(view) ?? []
  const well = valueOf(view, 'status')?.health === 'healthy'
  return section(
    'problems',
    'Needs attention',
    found.length === 0 ? undefined : found.length,
    found.length === 0 &&
      nothing(well ? 'Nothing. All checks are content.' : 'No check has anything more to say.'),
    h('ul', { class: 'rows' }, ...found.map((problem) => row(view, problem))),
  )
}

function row(view: View, { hint, what }: Problem): VNode {
  return h(
    'li',
    { key: what, class: 'problem' },
    sign('warn'),
    h(
      'div',
      {},
      h('p', {}, line(what)),
      hint !== undefined && h('p', { class: 'try' }, 'try ', typed(view, hint)),
    ),
  )
}

/** Only counts what is shown one by one below. */
function isCount(view: View, hint = ''): boolean {
  if (hint === 'kith approvals') return valueOf(view, 'approvals') !== undefined
  return hint === 'kith alerts ack --all' && valueOf(view, 'alerts') !== undefined
}
