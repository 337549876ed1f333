import { isOpen } from '../../alerts.ts'
import type { KithNode } from '../../node.ts'
import { follow } from '../follow.ts'
import type { ALERT_ROUTES } from '../routes/alerts.ts'
import type { HandlersOf } from '../routes/route.ts'

export function alertHandlers(node: KithNode): HandlersOf<typeof ALERT_ROUTES> {
  const { alerts } = node
  const open = {
    list: () => alerts.list().filter(isOpen),
    listen: (listener: () => void) => alerts.onRaise(listener),
  }
  return {
    alerts: async () => alerts.list(),
    ackAlerts: async ({ alert }) =>
      await alerts.acknowledge(alert === 'all' ? alert : { id: alert }),
    alertEvents: async ({ after = '' }, signal) => follow(open, after, signal),
  }
}
