import { NOTHING, limitOf } from '../../agent/budget.ts'
import type { SpendLimit } from '../../agent/ports.ts'
import type { Pins } from '../pins.ts'

/** The cap that the day of an asker (node id) has, by the pins in force. */
export function askerDayOf(pins: Pick<Pins, 'byId'>, ownId: string): (asker: string) => SpendLimit {
  return (asker) => {
    // The owner has the caps of the node alone.
    if (asker === ownId) return {}
    const grant = pins.byId(asker)?.pin.ask
    // One that was unpinned meanwhile may cost nothing more.
    if (grant === undefined) return { ...NOTHING }
    const { dailyTokens: tokens, dailyUsd: usd } = grant
    return limitOf({
      ...(usd === undefined ? {} : { usd }),
      ...(tokens === undefined ? {} : { tokens }),
    })
  }
}
