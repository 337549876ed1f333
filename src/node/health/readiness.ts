import type { HealthWatch } from './health-watch.ts'
import type { Parts } from '../parts.ts'

/** What has to run before this node can do anything for anybody. */
const NEEDED: ReadonlySet<string> = new Set(['pins', 'agent', 'mesh', 'asks'])

/** Why this node cannot work now, in words that anybody may read; undefined when it can. */
export function notReadyBecause(node: {
  health: Pick<HealthWatch, 'overall'>
  parts: Pick<Parts, 'states' | 'stopping'>
}): 'starting' | 'stopping' | 'failed' | 'unhealthy' | undefined {
  if (node.parts.stopping) return 'stopping'
  const states = node.parts.states().filter(({ part }) => NEEDED.has(part))
  if (states.some(({ state }) => state === 'failed')) return 'failed'
  if (states.some(({ state }) => state !== 'running')) return 'starting'
  return node.health.overall() === 'unhealthy' ? 'unhealthy' : undefined
}
