import { isOpen } from '../../alerts.ts'
import type { Alert } from '../../alerts.ts'
import type { KithNode } from '../../node.ts'
import { follow } from '../follow.ts'
import type { ALERT_ROUTES, AlertReport } from '../routes/alerts.ts'
import type { HandlersOf } from '../routes/route.ts'

export function alertHandlers(node: KithNode): HandlersOf<typeof ALERT_ROUTES> {
  const { alerts } = node
  const report = (alert: Alert): AlertReport => {
    const delivery = node.fleet.sender.of(alert.id)
    return delivery === undefined ? alert : { ...alert, delivery }
  }
  const open = {
    list: () => alerts.list().filter(isOpen).map(report),
    listen: (listener: () => void) => alerts.onRaise(listener),
  }
  return {
    alerts: async () => alerts.list().map(report),
    ackAlerts: async ({ alert }) => {
      const seen = await alerts.acknowledge(alert === 'all' ? alert : { id: alert })
      return seen.map(report)
    },
    alertEvents: async ({ after = '' }, signal) => follow(open, after, signal),
  }
}
