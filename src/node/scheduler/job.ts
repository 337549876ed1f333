import { z } from 'zod'
import { MAX_ASK_SECONDS, MAX_ASK_TEXT_BYTES } from '../../protocol/limits.ts'
import { nameSchema } from '../../protocol/pin.ts'
import { strictMap } from '../../protocol/strict-map.ts'
import { STANDARD_PRESETS } from '../../protocol/verbs.ts'
import type { AskCall } from '../../protocol/verbs.ts'
import { feedFault, feedRule } from './feed/feed-rule.ts'
import type { FeedRule } from './feed/feed-rule.ts'
import {
  artifactRule,
  deliveryFault,
  deliveryRules,
  secretReference,
  webhookUrl,
} from './job-result.ts'
import type { ArtifactRule, DeliveryRule } from './job-result.ts'
import { scheduleSchema, zoneSchema } from './schedule.ts'
import type { Schedule } from './schedule.ts'

/** How far what a job does may reach: each covers those before it. */
export const EGRESS = ['none', 'local-model', 'provider', 'peers'] as const
export type Egress = (typeof EGRESS)[number]

/** What a job does. */
export type Target =
  | {
      kind: 'ask'
      /** A pinned peer's name, or `self`. */
      peer: string
      text: string
      /** What the tools of the ask may do. @default 'none' */
      preset: NonNullable<AskCall['preset']>
      /** Most that a run may cost: each attempt has an equal share. @default what the node allows */
      budget?: NonNullable<AskCall['budget']>
      /** @default 'none' */
      egress: Egress
    }
  | {
      kind: 'command'
      /** The program and its arguments. No shell reads them. */
      argv: [program: string, ...rest: string[]]
      /** Absolute; the folder it starts in. @default the workspace of the node */
      cwd?: string
    }
  | { kind: 'backup' }
  | {
      kind: 'webhook'
      /** http or https. */
      url: string
      /** Where the key is that signs. @default none, and the call is not signed */
      secret?: string
    }

/** The longest times that parts of a run may take, in ms. */
export interface RunLimits {
  /** From being due to being claimed. @default 3_600_000 */
  queueMs: number
  /** From being claimed to the first sign of progress. @default 60_000 */
  claimMs: number
  /** Between two heartbeats: the lease. @default 30_000 */
  heartbeatMs: number
  /** Between two signs of progress. @default 600_000 */
  progressMs: number
  /** Of one attempt. @default 3_600_000 */
  totalMs: number
}

/** What to do about times at which the node was not there, or had no room. */
export interface MissedRule {
  policy: 'skip' | 'once' | 'all'
  /** How long ago a time may be to be made up for. @default 86_400_000 */
  windowMs: number
}

/** How often a run is tried before it has failed. */
export interface AttemptRule {
  /** @default 1 */
  max: number
  /** Wait after the first attempt, doubled after each one. @default 5_000 */
  baseMs: number
  /** Longest wait. @default 600_000 */
  maxMs: number
}

/** Something that this node does by itself at certain times, as jobs.yaml has it. */
export interface Job {
  name: string
  /** @default false */
  enabled: boolean
  schedule: Schedule
  /** IANA name. */
  zone: string
  /** Starts up to so much later, in ms, so that jobs of many nodes do not start as one. @default 0 */
  jitterMs: number
  missed: MissedRule
  /** What to do when it is due and has not ended yet. @default 'skip' */
  overlap: 'skip' | 'queue' | 'replace'
  attempts: AttemptRule
  /** Runs in a row that fail before it is paused. @default 5 */
  pauseAfter: number
  limits: RunLimits
  target: Target
  /** A folder whose files it is given, one a run. @default none */
  feed?: FeedRule
  /** What becomes of what its runs make. */
  artifact: ArtifactRule
  /** Where it is handed on to. @default nowhere */
  deliver: DeliveryRule[]
  /** Names of the peers that may start it, where their pins allow `job.run`. @default none */
  runBy: string[]
}

const seconds = z.int().positive().max(31_536_000)

const askTarget = strictMap({
  kind: z.literal('ask'),
  peer: z.union([z.literal('self'), nameSchema]),
  text: z
    .string()
    .min(1)
    .refine((text) => Buffer.byteLength(text) <= MAX_ASK_TEXT_BYTES, {
      message: `longer than ${MAX_ASK_TEXT_BYTES} bytes`,
    }),
  preset: z.enum(STANDARD_PRESETS).default('none'),
  budget: z.exactOptional(
    strictMap({
      usd: z.exactOptional(z.number().nonnegative()),
      tokens: z.exactOptional(z.int().nonnegative()),
    }).transform(({ tokens, usd }) => ({
      ...(usd === undefined ? {} : { microUsd: Math.round(usd * 1_000_000) }),
      ...(tokens === undefined ? {} : { tokens }),
    })),
  ),
  egress: z.enum(EGRESS).default('none'),
})
  .refine(({ egress, peer }) => peer === 'self' || egress === 'peers', {
    path: ['peer'],
    message: 'an ask to a peer needs egress: peers',
  })
  // Tools of this preset reach pages, programs and peers, whatever the engine is.
  .refine(({ egress, preset }) => preset !== 'full' || egress === 'peers', {
    path: ['preset'],
    message: 'preset: full needs egress: peers',
  })

const commandTarget = strictMap({
  kind: z.literal('command'),
  argv: z.tuple([z.string().min(1)], z.string()),
  cwd: z.exactOptional(z.string().startsWith('/', 'not an absolute path')),
})

const targetSchema = z.discriminatedUnion('kind', [
  askTarget,
  commandTarget,
  strictMap({ kind: z.literal('backup') }),
  strictMap({
    kind: z.literal('webhook'),
    url: webhookUrl,
    secret: z.exactOptional(secretReference),
  }),
])

const missedSchema = strictMap({
  policy: z.enum(['skip', 'once', 'all']).default('once'),
  window_seconds: seconds.default(86_400),
}).transform(({ policy, window_seconds }): MissedRule => ({
  policy,
  windowMs: window_seconds * 1_000,
}))

const attemptsSchema = strictMap({
  max: z.int().positive().max(100).default(1),
  base_seconds: seconds.default(5),
  max_seconds: seconds.default(600),
}).transform(({ base_seconds, max, max_seconds }): AttemptRule => ({
  max,
  baseMs: base_seconds * 1_000,
  maxMs: max_seconds * 1_000,
}))

const limitsSchema = strictMap({
  queue_seconds: seconds.default(3_600),
  claim_seconds: seconds.default(60),
  // Timers go up to 24 days, and nobody wants to wait that long for a worker that is gone.
  heartbeat_seconds: seconds.max(3_600).default(30),
  progress_seconds: seconds.default(600),
  total_seconds: seconds.max(MAX_ASK_SECONDS).default(3_600),
}).transform((row): RunLimits => ({
  queueMs: row.queue_seconds * 1_000,
  claimMs: row.claim_seconds * 1_000,
  heartbeatMs: row.heartbeat_seconds * 1_000,
  progressMs: row.progress_seconds * 1_000,
  totalMs: row.total_seconds * 1_000,
}))

const jobSchema = strictMap({
  name: nameSchema,
  enabled: z.boolean().default(false),
  schedule: scheduleSchema,
  zone: zoneSchema,
  jitter_seconds: z.int().nonnegative().max(86_400).default(0),
  missed: missedSchema.prefault({}),
  overlap: z.enum(['skip', 'queue', 'replace']).default('skip'),
  attempts: attemptsSchema.prefault({}),
  pause_after: z.int().positive().default(5),
  limits: limitsSchema.prefault({}),
  target: targetSchema,
  feed: z.exactOptional(feedRule),
  artifact: artifactRule.prefault({}),
  deliver: deliveryRules.default([]),
  run_by: z.array(nameSchema).default([]),
})
  .superRefine(({ feed, overlap, target }, context) => {
    const message = feed && feedFault(feed, { overlap, target })
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['feed'], message })
  })
  .refine(({ jitter_seconds, schedule }) => !isWider(jitter_seconds * 1_000, schedule), {
    path: ['jitter_seconds'],
    message: 'not less than the interval: a run would come after the next one is due',
  })
  .transform(({ jitter_seconds, pause_after, run_by, ...same }): Job => ({
    ...same,
    jitterMs: jitter_seconds * 1_000,
    pauseAfter: pause_after,
    runBy: run_by,
  }))
  // After the rest: of a delivery that is none, there is nothing more to say.
  .superRefine(({ artifact, deliver, target }, context) => {
    const egress = 'egress' in target ? target.egress : undefined
    const fault = deliveryFault({ artifact, deliver, egress })
    if (fault === undefined) return
    context.addIssue({ code: 'custom', path: ['deliver', fault.index], message: fault.why })
  })

/** The content of jobs.yaml; out come its jobs, every default filled in. */
export const jobsSchema = strictMap({
  version: z.literal(1, 'this kith knows version 1: a later one wrote this file'),
  jobs: z.array(jobSchema),
})
  .superRefine(({ jobs }, context) => {
    const seen = new Set<string>()
    for (const [index, { name }] of jobs.entries()) {
      if (seen.has(name)) {
        context.addIssue({
          code: 'custom',
          path: ['jobs', index, 'name'],
          message: `there are two jobs with the name ${name}`,
        })
      }
      seen.add(name)
    }
  })
  .transform(({ jobs }) => jobs)

function isWider(jitterMs: number, schedule: Schedule): boolean {
  return schedule.kind === 'interval' && jitterMs >= schedule.everyMs
}
