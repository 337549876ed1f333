import { isOpen } from '../../alerts.ts'
import type { Alert, Alerts } from '../../alerts.ts'
import type { KithNode } from '../../node.ts'
import type { ALERT_ROUTES } from '../routes/alerts.ts'
import type { HandlersOf } from '../routes/route.ts'

export function alertHandlers(node: KithNode): HandlersOf<typeof ALERT_ROUTES> {
  const { alerts } = node
  return {
    alerts: async () => alerts.list(),
    ackAlerts: async ({ alert }) =>
      await alerts.acknowledge(alert === 'all' ? alert : { id: alert }),
    alertEvents: async ({ after = '' }, signal) => follow(alerts, after, signal),
  }
}

/** Open alerts with an id after `after`, as they come. Keeps none back for a slow reader: the list has them. */
async function* follow(alerts: Alerts, after: string, signal: AbortSignal): AsyncGenerator<Alert> {
  let last = after
  let wake = (): void => undefined
  const onNews = (): void => {
    wake()
  }
  const unlisten = alerts.onRaise(onNews)
  signal.addEventListener('abort', onNews)
  try {
    while (!signal.aborted) {
      const next = alerts.list().find((alert) => alert.id > last && isOpen(alert))
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      } else {
        last = next.id
        yield next
      }
    }
  } finally {
    unlisten()
    signal.removeEventListener('abort', onNews)
  }
}
