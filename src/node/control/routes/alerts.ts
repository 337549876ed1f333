import { z } from 'zod'
import { isUuidV7 } from '../../../protocol/uuid.ts'
import { at, nothing, route, streamRoute } from './route.ts'

const id = z.string().refine(isUuidV7, { message: 'no id of an alert' })

export const alertReport = z.strictObject({
  id,
  at,
  kind: z.string(),
  /** Our name for the peer that it is about, or its node id. */
  peer: z.exactOptional(z.string()),
  what: z.string(),
  hint: z.string(),
  /** How often it was raised while it was open, and when last. */
  count: z.int(),
  lastAt: at,
  /** When it was acknowledged; until then it is open. */
  seenAt: z.exactOptional(at),
  /** On its way to the webhook of `alerts.webhook`: `dead` will not arrive. */
  delivery: z.exactOptional(
    z.strictObject({
      state: z.enum(['waiting', 'done', 'dead']),
      tries: z.int(),
      nextAt: z.exactOptional(at),
      why: z.exactOptional(z.string()),
    }),
  ),
})

export const ALERT_ROUTES = {
  /** All that are kept, the oldest first. */
  alerts: route('GET', '/v1/alerts', nothing, z.array(alertReport)),
  /** Gives those that were open until now. */
  ackAlerts: route(
    'POST',
    '/v1/alerts/:alert/ack',
    z.strictObject({ alert: z.union([z.literal('all'), id]) }),
    z.array(alertReport),
  ),
  /** The alerts that are open, then each as it is raised; only those after the id `after`, if it is given. */
  alertEvents: streamRoute(
    '/v1/alerts/events',
    z.strictObject({ after: z.exactOptional(id) }),
    alertReport,
  ),
}

export type AlertReport = z.infer<typeof alertReport>
