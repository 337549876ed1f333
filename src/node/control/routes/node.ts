import { z } from 'zod'
import { pairingsReport } from './invites.ts'
import { peerReport } from './peers.ts'
import { at, nothing, route } from './route.ts'

const checkState = z.enum(['ok', 'warn', 'fail'])

export const statusReport = z.strictObject({
  name: z.exactOptional(z.string()),
  id: z.string(),
  key: z.string(),
  words: z.array(z.string()),
  software: z.string(),
  pid: z.int(),
  home: z.string(),
  startedAt: at,
  uptimeMs: z.number(),
  readyAfterMs: z.number(),
  listening: z.array(z.string()),
  lobby: z.enum(['open', 'shut']),
  engine: z.string(),
  health: z.enum(['healthy', 'degraded', 'unhealthy']),
  /** What is wrong, each with what to type next. */
  problems: z.array(z.strictObject({ what: z.string(), hint: z.string().optional() })),
  asks: z.strictObject({ running: z.int(), queued: z.int(), out: z.int() }),
  /** Those that are on, and runs of jobs. */
  jobs: z.strictObject({
    on: z.int(),
    running: z.int(),
    queued: z.int(),
    nextAt: z.exactOptional(at),
  }),
  peers: z.array(peerReport),
  /** What somebody may still come by, what is being redeemed, and peers whose words nobody has compared. */
  pairings: pairingsReport,
})

export const doctorReport = z.strictObject({
  /** The worst of all. */
  state: checkState,
  findings: z.array(
    z.strictObject({
      check: z.string(),
      state: checkState,
      what: z.string(),
      /** What clears it. */
      hint: z.exactOptional(z.string()),
    }),
  ),
})

export const NODE_ROUTES = {
  status: route('GET', '/v1/status', nothing, statusReport),
  doctor: route('GET', '/v1/doctor', nothing, doctorReport),
  /** Answers when the stop has begun. */
  stop: route('POST', '/v1/stop', nothing, nothing),
}

export type DoctorReport = z.infer<typeof doctorReport>
export type StatusReport = z.infer<typeof statusReport>
