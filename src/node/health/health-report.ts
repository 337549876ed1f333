import { z } from 'zod'

export const HEALTH = ['healthy', 'degraded', 'unhealthy'] as const
export type Health = (typeof HEALTH)[number]

export const COMPONENT_STATES = ['ready', 'not-ready', 'error', 'disabled', 'not-checked'] as const
export type ComponentState = (typeof COMPONENT_STATES)[number]

/** A part of a node as its health has it. Times are ms since the epoch. */
export const component = z.strictObject({
  name: z.string(),
  state: z.enum(COMPONENT_STATES),
  /** Why it is not ready. */
  reason: z.exactOptional(z.string()),
  /** Since when it is in this state, as far as this process has seen. */
  since: z.int(),
  /** When it last did its work. */
  lastOkAt: z.exactOptional(z.int()),
  /** Without it the node does no work at all. */
  required: z.boolean(),
})
export type Component = z.infer<typeof component>

/** Open things of one kind, and how many there may be before something is not given back. */
const countReport = z.strictObject({ open: z.int(), limit: z.int() })

export const healthReport = z.strictObject({
  status: z.enum(HEALTH),
  version: z.string(),
  at: z.int(),
  uptimeMs: z.int(),
  components: z.array(component),
  /** What is open in this process, by its kind. */
  counts: z.record(z.string(), countReport),
})
export type HealthReport = z.infer<typeof healthReport>

/** What everybody may know. */
export const publicHealth = healthReport.pick({ status: true, version: true })
