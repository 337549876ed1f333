import { KithError } from '../../../protocol/errors.ts'
import type { Breakers } from '../../agent/breakers.ts'
import type { BREAKER_ROUTES } from '../routes/breakers.ts'
import type { HandlersOf } from '../routes/route.ts'

export interface BreakerNode {
  readonly agent: { breakers: Pick<Breakers, 'list' | 'reset'> }
}

export function breakerHandlers(node: BreakerNode): HandlersOf<typeof BREAKER_ROUTES> {
  return {
    breakers: async () => node.agent.breakers.list(),
    resetBreaker: async ({ name }) => {
      const changed = await node.agent.breakers.reset(name)
      if (changed !== undefined) return changed
      const what = `no breaker is named ${name}`
      throw new KithError('unknown-breaker', what, { name }, { hint: 'kith breaker list' })
    },
  }
}
