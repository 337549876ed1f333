import type { MiddlewareHandler } from 'hono'
import { KithError } from '../../protocol/errors.ts'
import { decideRate, perMinute } from '../../protocol/rate.ts'
import type { Clock } from '../clock.ts'
import type { RouteName } from '../control/api.ts'
import type { HttpEnv } from './door.ts'

/**
 * Routes that show how things stand, and make this node call its peers or read all that there is for it: always, or
 * when the query has this key.
 */
const COSTLY: ReadonlyMap<RouteName, string | undefined> = new Map<RouteName, string | undefined>([
  ['approvals', 'peer'],
  ['auditWitnesses', undefined],
  ['doctor', undefined],
  ['fleet', 'fresh'],
  ['verifyAudit', undefined],
])

/** For each token that only reads: enough for a person who looks, and too few to keep node or peers busy. */
const RATE = perMinute(12)

/** Bounds how often the holder of a token that changes nothing makes this node work for it. */
export class CostlyReads {
  readonly #clock: Pick<Clock, 'now'>
  /** By id of the token. */
  readonly #cells = new Map<string, number>()

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** Lets through what is not too often. @throws {KithError} `rate-limited` */
  bounds(name: RouteName): MiddlewareHandler<HttpEnv> {
    const key = COSTLY.get(name)
    return async (context, next) => {
      const isCostly = COSTLY.has(name) && (key === undefined || key in context.req.query())
      const principal = context.get('principal')
      if (isCostly && principal?.kind === 'token' && principal.scope !== 'admin') {
        this.#take(principal.id)
      }
      await next()
    }
  }

  #take(token: string): void {
    const decision = decideRate(RATE, this.#cells.get(token), this.#clock.now())
    if (!decision.allowed) {
      const { retryAfterMs } = decision
      throw new KithError('rate-limited', 'too many calls that cost much', { retryAfterMs })
    }
    this.#cells.set(token, decision.cell)
  }
}
