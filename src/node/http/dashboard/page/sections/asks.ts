import type { AskReport } from '../../../../control/api.ts'
import { call } from '../client.ts'
import { h } from '../dom.ts'
import type { VNode } from '../dom.ts'
import { badge, button, longList, nothing, refused, section, typed, when } from '../parts.ts'
import type { Tone } from '../parts.ts'
import { problemOf, valueOf } from '../view.ts'
import type { View } from '../view.ts'
import { block, duration, line } from '../words.ts'

const TONES: Readonly<Record<AskReport['state'], Tone>> = {
  received: 'away',
  queued: 'away',
  claimed: 'busy',
  running: 'busy',
  'waiting-approval': 'warn',
  done: 'good',
  failed: 'bad',
  cancelled: 'off',
  expired: 'bad',
  interrupted: 'bad',
  refused: 'off',
}

/** Asks in and out, those under way first; one of them can be read as it goes on. */
export function asks(view: View): VNode {
  const listed = valueOf(view, 'asks')
  const problem = problemOf(view, 'asks')
  const sorted = (listed ?? []).toSorted(
    (one, other) =>
      Number(isOver(one)) - Number(isOver(other)) || other.receivedAt - one.receivedAt,
  )
  const running = sorted.filter((ask) => !isOver(ask)).length
  return section(
    'asks',
    'Asks',
    running === 0 ? undefined : running,
    problem !== undefined && refused(view, problem),
    listed?.length === 0 && nothing('None yet. ', typed(view, 'kith ask NAME "…"')),
    longList(
      view,
      'asks',
      'asks',
      sorted.map((ask) => row(view, ask)),
    ),
  )
}

function row(view: View, report: AskReport): VNode {
  const { ask, finalAt, receivedAt, state } = report
  const { actions, changed, now, reader } = view
  const isOpen = reader.ask === ask
  const who = whoText(report)
  const toggle = (): void => {
    if (isOpen) reader.close()
    else reader.open(ask)
    changed()
  }
  const took = finalAt === undefined ? '' : `, took ${duration(finalAt - receivedAt)}`
  return h(
    'li',
    {
      key: ask,
      class: 'ask',
      on: {
        keydown: (event) => {
          if (isOpen && event instanceof KeyboardEvent && event.key === 'Escape') toggle()
        },
      },
    },
    h(
      'div',
      { class: 'head' },
      h('h3', {}, who),
      badge(TONES[state], state.replace('-', ' ')),
      h('span', { class: 'about' }, when(receivedAt, now), took),
      h(
        'span',
        { class: 'buttons' },
        !isOver(report) &&
          button(
            'Cancel',
            { name: `Cancel the ask ${who}`, kind: 'danger', off: actions.isBusy(ask) },
            () => {
              actions.do(ask, () => cancel(ask, who))
            },
          ),
        button(
          isOpen ? 'Close' : 'Open',
          {
            name: `${isOpen ? 'Close' : 'Open'} the ask ${who}, ${state}`,
            props: {
              key: 'open',
              'aria-expanded': String(isOpen),
              'aria-controls': `ask-${ask}`,
            },
          },
          toggle,
        ),
      ),
    ),
    h('div', { id: `ask-${ask}` }, isOpen && conversation(view)),
  )
}

/** What was asked, what was done for it, and what is answered, as it comes. */
function conversation({ reader }: View): VNode {
  const { answer, ask = '', cut, final, problem, shown, steps } = reader
  const failure = final?.outcome === 'failed' ? final : undefined
  const busy = final === undefined && problem === undefined
  const via = shown === undefined || shown.chain.length < 2 ? undefined : shown.chain.join(' > ')
  return h(
    'div',
    { class: 'conversation' },
    problem !== undefined && h('p', {}, badge('bad', problem.code), ` ${line(problem.message)}`),
    shown !== undefined && h('h4', {}, 'Question', via !== undefined && `, by way of ${line(via)}`),
    shown !== undefined && h('pre', { class: 'text question', tabindex: 0 }, block(shown.text)),
    steps.length > 0 && h('h4', {}, 'Steps'),
    steps.length > 0 &&
      h(
        'ol',
        { class: 'steps' },
        ...steps.map(({ seq, text }) => h('li', { key: String(seq) }, text)),
      ),
    h('h4', { id: `answer-${ask}` }, 'Answer'),
    cut && h('p', { class: 'about' }, 'Its beginning is left out here.'),
    h(
      'pre',
      {
        class: 'text answer',
        role: 'log',
        tabindex: 0,
        'aria-labelledby': `answer-${ask}`,
        // Read out when it is whole, not word by word.
        'aria-busy': String(busy),
      },
      answer,
      answer === '' && (busy ? '…' : 'no text'),
    ),
    failure !== undefined &&
      h('p', {}, badge('bad', line(failure.code)), ` ${line(detailsText(failure.details))}`),
    final?.outcome === 'done' &&
      h('p', { class: 'about' }, `answered by the engine ${line(final.end.engine)}`),
    h('p', { class: 'about' }, 'id ', h('code', {}, ask)),
  )
}

async function cancel(ask: string, who: string): Promise<string> {
  const { state } = await call('cancelAsk', { ask })
  return `The ask ${who} is ${state}`
}

function isOver({ finalAt }: AskReport): boolean {
  return finalAt !== undefined
}

/** `from bert`, `to bert`, `to this node`. */
function whoText({ direction, peer }: AskReport): string {
  if (peer === 'self') return 'to this node'
  return `${direction === 'in' ? 'from' : 'to'} ${line(peer)}`
}

function detailsText(details: Readonly<Record<string, string | number>>): string {
  return Object.entries(details)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')
}
