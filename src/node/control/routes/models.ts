import { z } from 'zod'
import { nothing, route } from './route.ts'

export const modelReport = z.strictObject({
  /** Our name for the provider, then its name for the model. */
  model: z.string(),
  /** Whether its price is known: only then can money be capped. */
  priced: z.boolean(),
})

export const modelTestReport = modelReport.extend({
  ok: z.boolean(),
  /** How long the call took, in ms. */
  ms: z.number(),
  /** Why it failed, and what to do about it. */
  cause: z.exactOptional(z.string()),
  hint: z.exactOptional(z.string()),
})

export const MODEL_ROUTES = {
  /** By preference; none where another engine answers. */
  models: route(
    'GET',
    '/v1/models',
    nothing,
    z.strictObject({ engine: z.string(), models: z.array(modelReport) }),
  ),
  /** Makes one tiny call. */
  testModel: route(
    'POST',
    '/v1/models/test',
    z.strictObject({ model: z.string() }),
    modelTestReport,
  ),
}

export type ModelReport = z.infer<typeof modelReport>
export type ModelTestReport = z.infer<typeof modelTestReport>
