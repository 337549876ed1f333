import type { Level } from '../../agent/budget.ts'
import { OWNER_NAME } from '../../agent/ports.ts'
import type { Alerts } from '../alerts.ts'
import type { Threshold } from './ledger.ts'

const MEANING: Readonly<Record<Level, string>> = {
  80: '80 % of it is used',
  95: '95 % of it is used, and nothing new begins',
  100: 'all of it is used',
}

export interface BudgetAlertsComponents {
  alerts: Pick<Alerts, 'raise'>
  /** Our name for a node id. */
  nameOf: (asker: string) => string
}

/** Tells the owner that the day of a peer, a job or the node has reached a share of its cap. One ask tells its asker. */
export function alertOnBudget(
  { alerts, nameOf }: BudgetAlertsComponents,
  { asker, job = '', level, scope }: Threshold,
): void {
  const raise = (peer: { peer?: string }, whose: string): void => {
    const what = `the budget of ${whose} for a day: ${MEANING[level]}`
    alerts.raise({ kind: 'budget', ...peer, what, hint: 'kith budget' })
  }
  switch (scope.name) {
    case 'ask':
      return
    case 'day':
      raise({}, 'this node')
      return
    case 'job':
      raise({}, `job ${job}`)
      return
    case 'peer-day': {
      const name = nameOf(asker)
      raise(name === OWNER_NAME ? {} : { peer: name }, name)
    }
  }
}
