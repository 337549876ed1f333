import { z } from 'zod'
import { component } from '../../health/health-report.ts'
import { pairingsReport } from './invites.ts'
import { partState } from './parts.ts'
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
  /** How each part of the node does. */
  components: z.array(component),
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
  /** How each part stands that is supervised. */
  parts: z.array(partState),
  /** The build that runs. */
  build: z.exactOptional(z.string()),
  /** What somebody may still come by, what is being redeemed, and peers whose words nobody has compared. */
  pairings: pairingsReport,
})

export const doctorReport = z.strictObject({
  /** The worst of all. */
  state: checkState,
  /** Findings of each state. */
  counts: z.strictObject({ ok: z.int(), warn: z.int(), fail: z.int() }),
  findings: z.array(
    z.strictObject({
      /** Name of the check, as in docs/doctor.md. */
      check: z.string(),
      state: checkState,
      what: z.string(),
      /** What clears it. */
      hint: z.exactOptional(z.string()),
      details: z.exactOptional(
        z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      ),
    }),
  ),
})

export const settingReport = z.strictObject({
  key: z.string(),
  /** Absent where nothing is set and there is no default. */
  value: z.exactOptional(z.unknown()),
  source: z.enum(['default', 'file', 'env', 'flag']),
  /** The name in the environment that says so. */
  name: z.exactOptional(z.string()),
  /** Whether a change takes effect while the node runs. */
  reload: z.enum(['hot', 'restart']),
  /** What the node that runs goes by, where that is something else until it starts again. */
  inForce: z.exactOptional(z.unknown()),
})

export const NODE_ROUTES = {
  /** Every setting, with the layer that it comes from. */
  settings: route('GET', '/v1/settings', nothing, z.array(settingReport)),
  status: route('GET', '/v1/status', nothing, statusReport),
  doctor: route('GET', '/v1/doctor', nothing, doctorReport),
  /** A command has refused a task that is for a person to a program: `by` says of what. */
  noteRefusal: route(
    'POST',
    '/v1/refusals',
    z.strictObject({ by: z.string().max(96), task: z.string().max(96) }),
    nothing,
  ),
  /** Answers when the stop has begun. */
  stop: route('POST', '/v1/stop', nothing, nothing),
}

export type DoctorReport = z.infer<typeof doctorReport>
export type SettingReport = z.infer<typeof settingReport>
export type StatusReport = z.infer<typeof statusReport>

/** What the version of something on disk is, and what this kith works with. */
export interface MigrationStatus {
  what: 'store' | 'config.yaml' | 'peers.yaml' | 'jobs.yaml'
  path: string
  /** Undefined where there is none yet. */
  current: number | undefined
  wanted: number
  /** Steps that the next start takes. */
  pending: { to: number; what: string }[]
}
