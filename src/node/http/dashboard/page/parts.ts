import type { Refused } from './client.ts'
import { h } from './dom.ts'
import type { Child, Props, VNode } from './dom.ts'
import type { View } from './view.ts'
import { ago, clockTime, line } from './words.ts'

/** What a state is like, which is never told by colour alone. */
export type Tone = 'good' | 'warn' | 'bad' | 'off' | 'away' | 'busy'

const SIGNS: Readonly<Record<Tone, string>> = {
  good: '✓',
  warn: '!',
  bad: '✕',
  off: '–',
  away: '○',
  busy: '▸',
}

/** Longest list that is shown whole at once. */
const SHORT_LIST = 6

/** A part of the page with its heading; `count` is how many there are of what it shows. */
export function section(
  id: string,
  title: string,
  count: number | undefined,
  ...children: readonly Child[]
): VNode {
  const heading = h(
    'h2',
    { id: `${id}-title`, tabindex: -1 },
    title,
    count !== undefined && h('span', { class: 'count' }, count),
  )
  return h(
    'section',
    { key: id, id, class: `card ${id}`, 'aria-labelledby': `${id}-title` },
    heading,
    ...children,
  )
}

/** A state as a word, with its sign before it. */
export function badge(tone: Tone, text: string): VNode {
  return h('span', { class: `badge ${tone}`, 'data-sign': SIGNS[tone] }, text)
}

/** A point in time, as far from now as it is; exactly where it is pointed at. */
export function when(at: number, now: number): VNode {
  const props = { datetime: new Date(at).toISOString(), title: clockTime(at) }
  return h('time', props, ago(at, now))
}

/** A state as its sign alone, where a word beside it would say what the heading has said. */
export function sign(tone: Tone): VNode {
  return h('span', { class: `badge sign ${tone}`, 'data-sign': SIGNS[tone] })
}

/** What to type, with a button that copies it. */
export function typed({ actions }: View, command: string): VNode {
  const shown = line(command)
  const copy = (): void => {
    void navigator.clipboard.writeText(shown).then(
      () => {
        actions.tell({ good: true, text: `Copied: ${shown}` })
      },
      () => {
        actions.tell({ good: false, text: 'The browser did not let this page copy.' })
      },
    )
  }
  return h(
    'span',
    { class: 'typed' },
    h('code', {}, shown),
    h(
      'button',
      { type: 'button', class: 'copy', 'aria-label': `Copy ${shown}`, on: { click: copy } },
      'Copy',
    ),
  )
}

export interface ButtonInit {
  /** The whole of what it does, for whoever hears it without its surroundings. */
  name: string
  kind?: 'main' | 'danger'
  /** It can be focused, and does nothing. */
  off?: boolean
  props?: Props
}

export function button(
  label: string,
  { kind, name, off = false, props = {} }: ButtonInit,
  press: () => void,
): VNode {
  const click = (): void => {
    if (!off) press()
  }
  return h(
    'button',
    {
      // A button that goes away gives its focus to no other.
      key: label,
      type: 'button',
      class: kind,
      'aria-label': name,
      // Not `disabled`: that would take the focus away under whoever has just pressed it.
      'aria-disabled': off ? 'true' : undefined,
      on: { click },
      ...props,
    },
    label,
  )
}

/** Names and values, one a line. */
export function facts(rows: readonly (readonly [name: string, ...value: Child[]])[]): VNode {
  return h(
    'dl',
    { class: 'facts' },
    ...rows.map(([name, ...value]) =>
      h('div', { key: name }, h('dt', {}, name), h('dd', {}, ...value)),
    ),
  )
}

/** What stands where there is nothing to show, and why. */
export function nothing(text: string, ...children: readonly Child[]): VNode {
  return h('p', { class: 'empty' }, text, ...children)
}

/** Where a part of the page has no answer. */
export function refused(view: View, { hint, message }: Refused): VNode {
  return h(
    'p',
    { class: 'empty' },
    badge('warn', 'not to be had'),
    ` ${line(message)} `,
    hint !== undefined && typed(view, hint),
  )
}

/** A button that unfolds what has the id `controls`, and folds it again. */
export function fold(
  view: View,
  init: { label: string; name: string; key: string; controls?: string },
): VNode {
  const { changed, unfolded } = view
  const { controls, key, label, name } = init
  const props = { key, 'aria-expanded': String(unfolded.has(key)), 'aria-controls': controls }
  return button(label, { name, props }, () => {
    if (!unfolded.delete(key)) unfolded.add(key)
    changed()
  })
}

/** A list, its first few, and a button for the rest. */
export function longList(view: View, id: string, what: string, rows: readonly VNode[]): VNode {
  const all = view.unfolded.has(id) || rows.length <= SHORT_LIST
  const label = all ? 'Show fewer' : `Show all ${rows.length}`
  return h(
    'div',
    { key: `${id}-list` },
    h('ul', { class: 'rows', id: `${id}-rows` }, ...(all ? rows : rows.slice(0, SHORT_LIST))),
    rows.length > SHORT_LIST &&
      h(
        'p',
        { class: 'more' },
        fold(view, { label, name: `${label} ${what}`, key: id, controls: `${id}-rows` }),
      ),
  )
}
