import { z } from 'zod'
import { at, nothing, route } from './route.ts'

export const breakerReport = z.strictObject({
  /** Such as `provider openrouter`. */
  name: z.string(),
  state: z.enum(['closed', 'open', 'half-open']),
  /** Failures in a row while it is closed. */
  failures: z.int(),
  /** While it is open: since when, and until when nothing goes through. */
  openedAt: z.exactOptional(at),
  nextProbeAt: z.exactOptional(at),
})

export const BREAKER_ROUTES = {
  breakers: route('GET', '/v1/breakers', nothing, z.array(breakerReport)),
  /** Closes one, and says how it stood before. */
  resetBreaker: route(
    'POST',
    '/v1/breakers/:name/reset',
    z.strictObject({ name: z.string() }),
    z.strictObject({ before: breakerReport, after: breakerReport }),
  ),
}

export type BreakerReport = z.infer<typeof breakerReport>
