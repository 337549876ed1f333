import { EGRESS } from './job.ts'
import type { Egress, Target } from './job.ts'

/** How far the engine of this node reaches without asking peers. */
export type EngineReach = Exclude<Egress, 'peers'>

type AskTarget = Extract<Target, { kind: 'ask' }>

/**
 * Why a target may not run here, or undefined. Nothing has been sent when this is asked, nor dialled. What a program
 * of the owner's reaches is not ours to say, and a webhook goes where its address says.
 */
export function egressRefusal(
  target: Target,
  reachOf: (preset: AskTarget['preset']) => EngineReach,
): string | undefined {
  if (target.kind !== 'ask') return undefined
  const needed = target.peer === 'self' ? reachOf(target.preset) : 'peers'
  if (EGRESS.indexOf(needed) <= EGRESS.indexOf(target.egress)) return undefined
  return `it would reach ${needed}, and its egress is ${target.egress}`
}
