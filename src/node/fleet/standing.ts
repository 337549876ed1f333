import { z } from 'zod'
import { FLEET_STATES, fleetStatus } from '../control/routes/fleet.ts'
import type { FleetState, FleetStatus } from '../control/routes/fleet.ts'
import type { Verdict } from './judge.ts'

/** So many of the last samples decide whether something has changed for the worse. */
export const WINDOW = 5
/** So many of them have to agree. Back to green takes all: a peer that comes and goes is one alert, not many. */
export const AGREED = 3

const time = z.int().nonnegative()
const state = z.enum(FLEET_STATES)
const version = z.strictObject({ software: z.string(), at: time })

/** What is kept of one peer between two looks at it. */
export const standingSchema = z.strictObject({
  state,
  reasons: z.array(z.string()),
  identityChanged: z.exactOptional(z.literal(true)),
  since: time,
  sampledAt: time,
  /** The last states that count, the oldest first. */
  window: z.array(state).max(WINDOW),
  steady: z.strictObject({ state, since: time }),
  lastOkAt: z.exactOptional(time),
  rttMs: z.exactOptional(time),
  status: z.exactOptional(fleetStatus),
  /** Since when this version has been green, without a gap. */
  soaking: z.exactOptional(version),
  lastGood: z.exactOptional(version),
})

export type Standing = z.infer<typeof standingSchema>

export interface Sample {
  at: number
  verdict: Verdict
  status?: FleetStatus
  rttMs?: number
  /** Has a say in what is steady: one of those that are taken at regular intervals. */
  counts: boolean
}

export interface SoakRule {
  /** A version that has been green for so long is a good one. */
  soakMs: number
  /** Two samples that are further apart say nothing of the time between them. */
  gapMs: number
}

/** How a peer stands after one more sample. */
export function afterSample(
  before: Standing | undefined,
  sample: Sample,
  rule: SoakRule,
): Standing {
  const { at, counts, rttMs, status, verdict } = sample
  const { reasons, state } = verdict
  const window = [...(before?.window ?? []), ...(counts ? [state] : [])].slice(-WINDOW)
  const agreed = before === undefined ? state : steadyState(before.steady.state, window, verdict)
  const known = status ?? before?.status
  const lastOkAt = state === 'green' ? at : before?.lastOkAt
  return {
    ...{ state, reasons, window, sampledAt: at },
    ...(verdict.identityChanged === true ? { identityChanged: true as const } : {}),
    since: before?.state === state ? before.since : at,
    steady: before?.steady.state === agreed ? before.steady : { state: agreed, since: at },
    ...(lastOkAt === undefined ? {} : { lastOkAt }),
    ...(rttMs === undefined ? {} : { rttMs }),
    ...(known === undefined ? {} : { status: known }),
    ...soaked(before, sample, rule),
  }
}

/** What the window agrees on. Another key is no matter of waiting. */
function steadyState(before: FleetState, window: readonly FleetState[], now: Verdict): FleetState {
  if (now.identityChanged === true) return 'red'
  const last = window.at(-1)
  if (last === undefined || last === before) return before
  const same = window.filter((each) => each === last).length
  const needed = last === 'green' ? WINDOW : AGREED
  return same >= needed ? last : before
}

/** Whether the version that runs there has been green for long enough to be called good. */
function soaked(
  before: Standing | undefined,
  { at, status, verdict }: Sample,
  { gapMs, soakMs }: SoakRule,
): Pick<Standing, 'soaking' | 'lastGood'> {
  const good = before?.lastGood === undefined ? {} : { lastGood: before.lastGood }
  if (verdict.state !== 'green' || status === undefined) return good
  const { software } = status
  const goesOn =
    before?.soaking?.software === software && at - before.sampledAt <= gapMs
      ? before.soaking
      : undefined
  const soaking = goesOn ?? { software, at }
  return at - soaking.at >= soakMs ? { soaking, lastGood: { software, at } } : { ...good, soaking }
}
