import { z } from 'zod'
import { backoffMs } from '../../../protocol/backoff.ts'
import type { Artifact } from '../artifact.ts'
import type { Job } from '../job.ts'
import { DELIVERY_TIMES, shownUrl } from '../job-result.ts'
import type { Sink } from '../job-result.ts'
import { RUN_STATES } from '../run.ts'
import type { Run } from '../run.ts'

/**
 * The life of a delivery:
 *
 *   held → waiting → done | dead
 *     ⇣        ⇣  rejected
 *     withdrawn
 *
 * `held` waits for a person to accept the result; accepting it also brings one back that was withdrawn, and a person
 * can have a dead one tried again.
 */
export const DELIVERY_STATES = ['held', 'waiting', 'done', 'dead', 'withdrawn'] as const

/** Tries before a delivery is dead: with the waits between them about a day. */
export const MAX_TRIES = 16

/** Wait after the first try, doubled after each one, and the longest. */
const TRY_BACKOFF = { baseMs: 5_000, maxMs: 21_600_000 }

/** Why half a result is not handed on. */
const CUT = 'too-large'

const uint = z.int().nonnegative()
const failure = z.strictObject({ code: z.string(), why: z.string() })

const sink = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('file'), path: z.string() }),
  z.strictObject({ kind: z.literal('peer'), peer: z.string() }),
  z.strictObject({ kind: z.literal('webhook'), url: z.string(), secret: z.string() }),
])

export const deliverySchema = z.strictObject({
  /** `RUN.N`, N from 0: the same for all tries, so that whoever gets it twice can tell. */
  delivery: z.string(),
  run: z.string(),
  job: z.string(),
  /** Of the runs that had something to hand on, in which their ends were stored. */
  order: uint,
  to: sink,
  when: z.enum(DELIVERY_TIMES),
  /** How the run ended: what is said is the same however late it is. */
  end: z.strictObject({
    state: z.enum(RUN_STATES),
    dueAt: uint,
    finalAt: uint,
    summary: z.exactOptional(z.string()),
    failure: z.exactOptional(failure),
  }),
  /** There is a result beside the end: without it, there is nothing to hand on. */
  kept: z.exactOptional(z.literal(true)),
  state: z.enum(DELIVERY_STATES),
  /** Tries that have ended. */
  tries: uint,
  /** When the next one is due, in ms since the epoch. */
  nextAt: z.exactOptional(uint),
  endedAt: z.exactOptional(uint),
  /** Of the last try that failed. */
  failure: z.exactOptional(failure),
  /** The ask that brings it to a peer: on disk before it is made, so that no other is made after a crash. */
  ask: z.exactOptional(z.string()),
})

/** The result of a run on its way to one place. */
export type Delivery = z.infer<typeof deliverySchema>

/** How a try ended. */
export type TryEnd =
  | { kind: 'done' }
  /** `again`: another try may do, and does nothing twice. */
  | { kind: 'failed'; code: string; why: string; again: boolean }

/** What is to be handed on of a run that has ended. `artifact` is undefined where nothing is kept of it. */
export function deliveriesOf(
  job: Job,
  run: Run,
  artifact: Artifact | undefined,
  order: number,
): Delivery[] {
  const { dueAt, failure: fault, finalAt = 0, state, summary } = run
  return job.deliver.flatMap(({ to, when }, index): Delivery[] => {
    if (when !== 'always' && state !== 'succeeded') return []
    if (when === 'accepted' && artifact === undefined) return []
    const delivery: Delivery = {
      ...{ delivery: `${run.run}.${index}`, run: run.run, job: job.name, order, to, when },
      end: {
        ...{ state, dueAt, finalAt },
        ...(summary === undefined ? {} : { summary }),
        ...(fault === undefined || state === 'succeeded' ? {} : { failure: fault }),
      },
      ...(artifact === undefined ? {} : { kept: true }),
      ...{ state: 'waiting', tries: 0, nextAt: finalAt },
    }
    // Half a result may pass for a whole one where it arrives.
    if (artifact?.cut === true) {
      const why = `the result has more than is kept: kith artifacts show ${run.run}`
      return [ended(delivery, 'dead', finalAt, { code: CUT, why })]
    }
    return [when === 'accepted' ? held(delivery) : delivery]
  })
}

/** A delivery after a try. One that was withdrawn meanwhile stays so, unless it has arrived. */
export function afterTry(
  delivery: Delivery,
  end: TryEnd,
  { now, random }: { now: number; random: number },
): Delivery {
  const tried = { ...delivery, tries: delivery.tries + 1 }
  delete tried.ask
  if (end.kind === 'done') return ended(tried, 'done', now)
  const { again, code, why } = end
  const failed = { ...tried, failure: { code, why } }
  if (delivery.state !== 'waiting') return failed
  if (!again || failed.tries >= MAX_TRIES) return ended(failed, 'dead', now, failed.failure)
  return { ...failed, nextAt: now + backoffMs(failed.tries, random, TRY_BACKOFF) }
}

/** A delivery once a person has looked at the result. Undefined when that changes nothing. */
export function afterReview(
  delivery: Delivery,
  verdict: 'accepted' | 'rejected',
  now: number,
): Delivery | undefined {
  const { state, when } = delivery
  if (when !== 'accepted') return undefined
  if (verdict === 'accepted') {
    return state === 'held' || state === 'withdrawn' ? due(delivery, now) : undefined
  }
  return state === 'held' || state === 'waiting' ? ended(delivery, 'withdrawn', now) : undefined
}

/** One that a person wants tried again; undefined for one that is not dead, or that no try would help. */
export function revived(delivery: Delivery, now: number): Delivery | undefined {
  const { failure: fault, state } = delivery
  if (state !== 'dead' || fault?.code === CUT) return undefined
  return { ...due(delivery, now), tries: 0 }
}

/** True for one that is still to arrive. */
export function isOpen({ state }: Pick<Delivery, 'state'>): boolean {
  return state === 'held' || state === 'waiting'
}

/** Where one goes, in one line, without what may be a secret. */
export function sinkText(
  to: Exclude<Sink, { kind: 'webhook' }> | { kind: 'webhook'; url: string },
): string {
  switch (to.kind) {
    case 'file':
      return `file ${to.path}`
    case 'peer':
      return `peer ${to.peer}`
    case 'webhook':
      return `webhook ${shownUrl(to.url)}`
  }
}

function held(delivery: Delivery): Delivery {
  const row: Delivery = { ...delivery, state: 'held' }
  delete row.nextAt
  return row
}

function due(delivery: Delivery, now: number): Delivery {
  const row: Delivery = { ...delivery, state: 'waiting', nextAt: now }
  delete row.endedAt
  return row
}

function ended(
  delivery: Delivery,
  state: 'done' | 'dead' | 'withdrawn',
  now: number,
  fault?: Delivery['failure'],
): Delivery {
  const row: Delivery = { ...delivery, state, endedAt: now }
  delete row.nextAt
  return fault === undefined ? row : { ...row, failure: fault }
}
