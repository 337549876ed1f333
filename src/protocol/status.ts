import { z } from 'zod'

const uint = z.number().int().nonnegative()

/** Most names in one list of a status, and the longest of them, in characters. */
export const MAX_STATUS_NAMES = 32
const MAX_STATUS_NAME_CHARS = 64

const statusNames = z.array(z.string().max(MAX_STATUS_NAME_CHARS)).max(MAX_STATUS_NAMES)

/** What a node found when it looked at its own files, pins and grants. */
export const statusAudit = z.strictObject({
  state: z.enum(['green', 'incident', 'not-audited']),
  /** When it last looked, by its own clock, in ms since the epoch. */
  at: z.exactOptional(uint),
  /** Names of the checks that found something, and nothing of what that is. */
  findings: z.exactOptional(statusNames),
})

/**
 * How a node is. Nodes of different versions look at each other by it: all that came later may be left out, and
 * whoever reads it leaves keys alone that it does not know.
 */
export const statusEnd = z.object({
  asks: z.strictObject({ running: uint, queued: uint }),
  engine: z.string().max(64),
  health: z.enum(['healthy', 'degraded', 'unhealthy']),
  software: z.string().max(64),
  uptimeMs: uint,
  /** Lowest and highest version of links that it speaks. */
  versions: z.exactOptional(z.tuple([uint, uint])),
  /** Its clock, in ms since the epoch. */
  at: z.exactOptional(uint),
  /** Names of what is not as it should be, and no reasons. */
  notReady: z.exactOptional(statusNames),
  audit: z.exactOptional(statusAudit),
  /** Age of its last backup, in ms. */
  backupAgeMs: z.exactOptional(uint),
})

export type StatusAudit = z.infer<typeof statusAudit>
export type StatusEnd = z.infer<typeof statusEnd>
