import { h } from './dom.ts'
import type { Child, VNode } from './dom.ts'
import { badge, button, typed, when } from './parts.ts'
import { alerts } from './sections/alerts.ts'
import { approvals } from './sections/approvals.ts'
import { asks } from './sections/asks.ts'
import { backups } from './sections/backups.ts'
import { budget } from './sections/budget.ts'
import { jobs } from './sections/jobs.ts'
import { peers } from './sections/peers.ts'
import { problems, problemsOf } from './sections/problems.ts'
import { healthBadge, thisNode } from './sections/this-node.ts'
import { valueOf } from './view.ts'
import type { View } from './view.ts'
import { line } from './words.ts'

/** Ids of the sections, with what leads to them. */
const LINKS = [
  ['problems', 'Attention'],
  ['approvals', 'Approvals'],
  ['alerts', 'Alerts'],
  ['asks', 'Asks'],
  ['jobs', 'Jobs'],
  ['node', 'This node'],
  ['peers', 'Peers'],
  ['budget', 'Budget'],
  ['backups', 'Backups'],
] as const

/** The whole page. */
export function frame(view: View, leave: () => void): Child[] {
  if (view.live.connection === 'not-let-in') return [veil(view)]
  const known = valueOf(view, 'status') !== undefined
  return [banner(view), gone(view), known ? main(view) : waiting(view), notice(view), footer(leave)]
}

function banner(view: View): VNode {
  const status = valueOf(view, 'status')
  const name = status?.name
  return h(
    'header',
    { key: 'banner', class: 'banner' },
    h(
      'div',
      { class: 'title' },
      h('h1', {}, 'kith ', name !== undefined && h('span', { class: 'name' }, line(name))),
      status !== undefined && healthBadge(status),
      liveBadge(view),
    ),
    h(
      'nav',
      { 'aria-label': 'Sections' },
      h(
        'ul',
        {},
        ...LINKS.map(([id, text]) =>
          h('li', { key: id }, h('a', { href: `#${id}` }, text, ...waits(view, id))),
        ),
      ),
    ),
  )
}

/** How many things of a section wait for a person. */
function waits(view: View, id: (typeof LINKS)[number][0]): Child[] {
  const number =
    id === 'problems'
      ? problemsOf(view)?.length
      : id === 'approvals'
        ? valueOf(view, 'approvals')?.length
        : id === 'alerts'
          ? valueOf(view, 'alerts')?.filter(({ seenAt }) => seenAt === undefined).length
          : undefined
  return number === undefined || number === 0 ? [] : [' ', h('span', { class: 'count' }, number)]
}

function liveBadge({ live }: View): VNode {
  switch (live.connection) {
    case 'live':
      return badge('good', 'live')
    case 'gone':
      return badge('bad', 'not connected')
    case 'starting':
    case 'not-let-in':
      return badge('away', 'connecting')
  }
}

function gone(view: View): VNode | undefined {
  const { live, now } = view
  if (live.connection !== 'gone') return undefined
  return h(
    'div',
    { key: 'gone', class: 'gone', role: 'alert' },
    h('p', {}, h('strong', {}, 'The node does not answer.'), ' This page tries again by itself.'),
    live.heardAt > 0 && h('p', {}, 'What is shown here was so ', when(live.heardAt, now), '.'),
    h('p', {}, 'If it does not come back: ', typed(view, 'kith status')),
  )
}

function main(view: View): VNode {
  const left = [problems, approvals, alerts, asks, jobs]
  const right = [thisNode, peers, budget, backups]
  return h(
    'main',
    { key: 'main', id: 'main', tabindex: -1, class: view.live.connection },
    h('div', { key: 'left', class: 'column' }, ...left.map((part) => part(view))),
    h('div', { key: 'right', class: 'column' }, ...right.map((part) => part(view))),
  )
}

function waiting({ live }: View): VNode {
  return h(
    'main',
    { key: 'main', id: 'main', tabindex: -1 },
    live.connection === 'starting' && h('p', { class: 'empty' }, 'Asking the node how it is …'),
  )
}

/** What came of what a person has done. */
function notice({ actions }: View): VNode | undefined {
  const { notice: shown } = actions
  if (shown === undefined) return undefined
  return h(
    'div',
    {
      key: 'notice',
      class: `notice ${shown.good ? 'good' : 'bad'}`,
      role: shown.good ? 'status' : 'alert',
    },
    h(
      'p',
      {},
      badge(shown.good ? 'good' : 'bad', shown.good ? 'done' : 'not done'),
      ` ${shown.text}`,
    ),
    shown.hint !== undefined && h('p', { class: 'try' }, 'try ', h('code', {}, shown.hint)),
    button('Close', { name: 'Close this message', props: { class: 'quiet' } }, () => {
      actions.putAway()
    }),
  )
}

function footer(leave: () => void): VNode {
  return h(
    'footer',
    { key: 'footer' },
    'Served by this node, to this machine. The same by hand: ',
    h('code', {}, 'kith status'),
    ', ',
    h('code', {}, 'kith doctor'),
    ', ',
    h('code', {}, 'kith --help'),
    button('Log out', { name: 'Log out of this page' }, leave),
  )
}

/** Before the node has let this page in. */
function veil(view: View): VNode {
  return h(
    'main',
    { key: 'veil', id: 'main', tabindex: -1, class: 'veil' },
    h('h1', {}, 'kith'),
    h('p', {}, 'This page opens with a link that works once. To get one, type in a terminal:'),
    h('p', {}, typed(view, 'kith dashboard')),
    h(
      'p',
      { class: 'about' },
      'A link that was used, or is older than five minutes, does not open it.',
    ),
  )
}
