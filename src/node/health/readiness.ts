import type { HealthWatch } from './health-watch.ts'
import type { Parts } from '../parts.ts'

/** What has to run before this node can do anything for anybody. */
const NEEDED: ReadonlySet<string> = new Set(['pins', 'agent', 'mesh', 'asks'])

/** Why this node cannot work now, in words that anybody may read; undefined when it can. */
export function notReadyBecause(node: {
  health: Pick<HealthWatch, 'overall'>
  parts: Pick<Parts, 'states'>
}): 'starting' | 'stopping' | 'unhealthy' | undefined {
  const states = node.parts.states().filter(({ part }) => NEEDED.has(part))
  if (states.some(({ state }) => state === 'starting')) return 'starting'
  if (states.some(({ state }) => state === 'stopped')) {
    return states.some(({ state }) => state !== 'stopped') ? 'starting' : 'stopping'
  }
  return node.health.overall() === 'unhealthy' ? 'unhealthy' : undefined
}
