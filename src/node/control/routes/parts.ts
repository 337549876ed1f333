import { z } from 'zod'
import { at } from './route.ts'

/** How a supervised part stands. */
export const partState = z.strictObject({
  part: z.string(),
  state: z.enum(['starting', 'running', 'failed', 'stopped']),
  since: at,
  failure: z.exactOptional(z.string()),
  restarts: z.int(),
  nextTryAt: z.exactOptional(at),
})
