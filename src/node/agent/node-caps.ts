import { limitOf } from '../../agent/budget.ts'
import type { NodeCaps } from '../../agent/budget.ts'
import type { AgentConfig } from '../agent-config.ts'

/** The caps that the config sets for one ask, and for a day. */
export function capsOf(budget: AgentConfig['budget']): NodeCaps {
  const { ask_tokens: askTokens, ask_usd: askUsd, daily_tokens: tokens, daily_usd: usd } = budget
  return {
    ask: limitOf({
      ...(askUsd === undefined ? {} : { usd: askUsd }),
      ...(askTokens === undefined ? {} : { tokens: askTokens }),
    }),
    day: limitOf({
      ...(usd === undefined ? {} : { usd }),
      ...(tokens === undefined ? {} : { tokens }),
    }),
  }
}
