import assert from 'node:assert/strict'
import type { Level, ScopeName } from '../../../src/agent/budget.ts'
import type { AlertInit } from '../../../src/node/alerts.ts'
import { alertOnBudget } from '../../../src/node/agent/budget-alerts.ts'

function alertsOf(name: ScopeName, level: Level, asker = 'kith1bob'): AlertInit[] {
  const raised: AlertInit[] = []
  const alerts = { raise: (alert: AlertInit) => void raised.push(alert) }
  const nameOf = (id: string): string => (id === 'kith1bob' ? 'bob' : 'self')
  const scope = { name, key: name, cap: {}, resetAt: 0 }
  alertOnBudget({ alerts, nameOf }, { level, scope, asker, ask: 'a1', job: 'nightly' })
  return raised
}

describe('alerts on budgets', () => {
  const rows: [name: ScopeName, level: Level, what: string, peer?: string][] = [
    ['day', 80, 'the budget of this node for a day: 80 % of it is used'],
    ['day', 95, 'the budget of this node for a day: 95 % of it is used, and nothing new begins'],
    ['job', 80, 'the budget of job nightly for a day: 80 % of it is used'],
    ['peer-day', 100, 'the budget of bob for a day: all of it is used', 'bob'],
  ]
  for (const [name, level, what, peer] of rows) {
    it(`say that ${what}`, () => {
      const about = peer === undefined ? {} : { peer }
      assert.deepEqual(alertsOf(name, level), [
        { kind: 'budget', ...about, what, hint: 'kith budget' },
      ])
    })
  }

  it('say nothing of one ask', () => {
    assert.deepEqual(alertsOf('ask', 100), [])
  })
})
