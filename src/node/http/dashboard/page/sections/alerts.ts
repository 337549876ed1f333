import type { AlertReport } from '../../../../control/api.ts'
import { call } from '../client.ts'
import { h } from '../dom.ts'
import type { VNode } from '../dom.ts'
import { badge, button, longList, nothing, refused, section, typed, when } from '../parts.ts'
import { problemOf, valueOf } from '../view.ts'
import type { View } from '../view.ts'
import { line, some } from '../words.ts'

/** What the owner has not acknowledged yet, the newest first. */
export function alerts(view: View): VNode {
  const kept = valueOf(view, 'alerts')
  const problem = problemOf(view, 'alerts')
  const open = (kept ?? []).filter(({ seenAt }) => seenAt === undefined).reverse()
  return section(
    'alerts',
    'Alerts',
    open.length === 0 ? undefined : open.length,
    problem !== undefined && refused(view, problem),
    kept !== undefined && open.length === 0 && nothing('None that you have not seen.'),
    longList(
      view,
      'alerts',
      'alerts',
      open.map((alert) => row(view, alert)),
    ),
    open.length > 1 &&
      h(
        'p',
        { class: 'more' },
        button('Acknowledge all', { name: 'Acknowledge all alerts' }, () => {
          acknowledge(view, 'all')
        }),
      ),
  )
}

function row(view: View, { count, hint, id, kind, lastAt, peer, what }: AlertReport): VNode {
  const times = count === 1 ? '' : `, ${some(count, 'time')}`
  return h(
    'li',
    { key: id, class: 'alert' },
    h(
      'div',
      { class: 'head' },
      h('h3', {}, badge('warn', line(kind).replaceAll('-', ' '))),
      h('span', { class: 'about' }, when(lastAt, view.now), times),
      h(
        'span',
        { class: 'buttons' },
        button(
          'Acknowledge',
          { name: `Acknowledge: ${line(what)}`, off: view.actions.isBusy(`ack ${id}`) },
          () => {
            acknowledge(view, id)
          },
        ),
      ),
    ),
    h('p', {}, line(what), peer !== undefined && h('span', { class: 'about' }, ` ${line(peer)}`)),
    h('p', { class: 'try' }, 'try ', typed(view, hint)),
  )
}

function acknowledge({ actions }: View, alert: string): void {
  actions.do(`ack ${alert}`, async () => {
    const { length } = await call('ackAlerts', { alert })
    return `Acknowledged ${some(length, 'alert')}`
  })
}
