import type { BudgetReport, ScopeReport } from '../../../../control/api.ts'
import { h } from '../dom.ts'
import type { VNode } from '../dom.ts'
import { badge, facts, longList, refused, section, when } from '../parts.ts'
import { problemOf, valueOf } from '../view.ts'
import type { View } from '../view.ts'
import { count, line, some, usd } from '../words.ts'

/** From this share on, a cap is about to be reached. */
const NEAR = 0.8

type Measure = 'microUsd' | 'tokens'

/** How far the caps of today are used: the node's own day, that of each peer, and of each job. */
export function budget(view: View): VNode {
  const report = valueOf(view, 'budget')
  const problem = problemOf(view, 'budget')
  return section(
    'budget',
    'Budget',
    undefined,
    problem !== undefined && refused(view, problem),
    ...(report === undefined ? [] : shown(view, report)),
  )
}

function shown(view: View, { ask, day, models, scopes }: BudgetReport): (VNode | undefined)[] {
  const resetAt = scopes[0]?.resetAt
  const most = [
    ...(ask.microUsd === undefined ? [] : [usd(ask.microUsd)]),
    ...(ask.tokens === undefined ? [] : [`${count(ask.tokens)} tokens`]),
  ].join(' and ')
  return [
    h(
      'p',
      { class: 'about' },
      day,
      resetAt !== undefined && ', anew ',
      resetAt !== undefined && when(resetAt, view.now),
      most !== '' && `, any one ask at most ${most}`,
    ),
    longList(view, 'budget', 'budgets', scopes.map(row)),
    models.length === 0
      ? undefined
      : facts(
          models.map(({ calls, microUsd, model, tokens, unpriced }) => [
            line(model),
            `${usd(microUsd)}, ${count(tokens)} tokens, ${some(calls, 'call')}`,
            unpriced > 0 && `, ${count(unpriced)} of unknown price`,
          ]),
        ),
  ]
}

function row(report: ScopeReport): VNode {
  const name = nameOf(report)
  const bars = (['microUsd', 'tokens'] as const).flatMap((measure) => bar(report, name, measure))
  return h('li', { key: name, class: 'cap' }, h('h3', {}, name), ...bars)
}

function bar({ cap, reserved, spent }: ScopeReport, name: string, measure: Measure): VNode[] {
  const limit = cap[measure]
  const used = spent[measure]
  const taken = used + reserved[measure]
  const amount = measure === 'microUsd' ? usd : (value: number) => `${count(value)} tokens`
  if (limit === undefined) {
    // No cap, and nothing to say.
    if (measure === 'tokens' && taken === 0) return []
    return [h('p', { key: measure, class: 'about' }, `${amount(used)}, without a cap`)]
  }
  const share = limit === 0 ? 1 : Math.min(1, taken / limit)
  const full = taken >= limit
  const held = reserved[measure] === 0 ? '' : `, ${amount(reserved[measure])} reserved`
  const text = `${amount(used)} of ${amount(limit)}${held}`
  const tone = full ? 'full' : share >= NEAR ? 'near' : 'free'
  return [
    h(
      'div',
      { key: measure, class: 'bar' },
      h(
        'div',
        {
          class: `track ${tone}`,
          role: 'meter',
          'aria-label': `${name}, ${measure === 'tokens' ? 'tokens' : 'money'}`,
          'aria-valuemin': 0,
          'aria-valuemax': 100,
          'aria-valuenow': Math.round(share * 100),
          'aria-valuetext': text,
        },
        h('div', { class: 'spent', vars: { '--share': `${sharePercent(used, limit)}%` } }),
        h('div', { class: 'held', vars: { '--share': `${sharePercent(taken - used, limit)}%` } }),
      ),
      h(
        'p',
        { class: 'about' },
        text,
        ' ',
        tone === 'full' && badge('bad', 'used up'),
        tone === 'near' && badge('warn', 'nearly used up'),
      ),
    ),
  ]
}

function sharePercent(part: number, whole: number): number {
  return whole === 0 ? 100 : Math.min(100, (part / whole) * 100)
}

function nameOf({ scope, who = '' }: ScopeReport): string {
  switch (scope) {
    case 'day':
      return 'this node, all day'
    case 'peer-day':
      return who === 'self' ? 'its owner' : line(who)
    case 'job':
      return `job ${line(who)}`
  }
}
