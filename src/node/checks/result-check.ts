import type { Clock } from '../clock.ts'
import { RESULT_CAPS } from '../scheduler/artifact-retention.ts'
import type { ArtifactStore } from '../scheduler/artifact-store.ts'
import { sinkText } from '../scheduler/delivery/delivery.ts'
import type { DeliveryStore } from '../scheduler/delivery/delivery-store.ts'
import { MAX_HELD_RESULTS } from '../scheduler/results.ts'
import { ok } from './finding.ts'
import type { Finding } from './finding.ts'

/** Share of what is kept of results that nobody has looked at, from which on their owner is told. */
const NEARLY_FULL = 0.8

/** A delivery that failed is told of for so long, in ms. */
const DEAD_MS = 7 * 86_400_000

/** Most deliveries that are told of one by one. */
const MAX_DEAD = 10

/** What the check of the results looks at. */
export interface ResultChecked {
  readonly jobs: {
    readonly results: {
      artifacts: Pick<ArtifactStore, 'totals'>
      deliveries: Pick<DeliveryStore, 'newest'>
      held: ReadonlySet<string>
    }
  }
  readonly clock: Pick<Clock, 'now'>
}

/** Results that wait for their owner, that will soon be dropped, or that did not arrive. */
export async function resultFindings({ clock, jobs }: ResultChecked): Promise<Finding[]> {
  const { results } = jobs
  const totals = await results.artifacts.totals()
  const found = [...heldFindings(results.held.size), ...fullFindings(totals.unreviewed)]
  let dead = 0
  for await (const { endedAt = 0, job, run, state, to } of results.deliveries.newest()) {
    if (state !== 'dead' || clock.now() - endedAt > DEAD_MS) continue
    if (++dead > MAX_DEAD) break
    const what = `the result of ${job} did not arrive at ${sinkText(to)}`
    found.push({ state: 'warn', what, hint: `kith artifacts deliver ${run}` })
  }
  if (found.length > 0) return found
  const { reviewed, unreviewed } = totals
  return [
    ok(`${reviewed.count + unreviewed.count} are kept, ${unreviewed.count} of them not looked at`),
  ]
}

function heldFindings(held: number): Finding[] {
  if (held === 0) return []
  const what = held === 1 ? '1 result waits' : `${held} results wait`
  const full = held >= MAX_HELD_RESULTS ? '; their jobs make no more until then' : ''
  const hint = 'kith artifacts list --unreviewed'
  return [{ state: 'warn', what: `${what} for your review before being delivered${full}`, hint }]
}

function fullFindings({ bytes, count }: { bytes: number; count: number }): Finding[] {
  const cap = RESULT_CAPS.unreviewed
  if (count < cap.count * NEARLY_FULL && bytes < cap.bytes * NEARLY_FULL) return []
  const what = `${count} results were not looked at: beyond ${cap.count}, the job that has most loses its oldest`
  return [{ state: 'warn', what, hint: 'kith artifacts list --unreviewed' }]
}
