import type { Logger } from 'pino'
import { z } from 'zod'
import {
  CLOSED,
  due,
  enter,
  failuresInRow,
  outcome,
  reset,
  withoutProbe,
} from '../../agent/breaker.ts'
import type { Breaker, Outcome } from '../../agent/breaker.ts'
import type { Attempt, Breakers as BreakersPort } from '../../agent/ports.ts'
import { KithError } from '../../protocol/errors.ts'
import type { Database } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import type { Clock } from '../clock.ts'

const breakerSchema = z.strictObject({
  state: z.enum(['closed', 'open', 'half-open']),
  generation: z.int(),
  recent: z.array(z.boolean()),
  openings: z.int(),
  openedAt: z.int(),
  waitMs: z.int(),
  goodProbes: z.int(),
  probing: z.boolean(),
})
type BreakerRow = z.infer<typeof breakerSchema>

/** A breaker as its owner sees it. */
export interface BreakerReport {
  /** Such as `provider openrouter`. */
  name: string
  state: Breaker['state']
  /** Failures in a row while it is closed. */
  failures: number
  /** While it is open: when it opened, and when the next call may go through, in ms since the epoch. */
  openedAt?: number
  nextProbeAt?: number
}

/** A call that was let through. */
export interface Entered extends Attempt {
  /** No other call goes through before its outcome is told. */
  readonly probes: boolean
}

export interface BreakersComponents {
  database: Database
  clock: Clock
  /** In [0, 1). */
  random: () => number
  log: Logger
}

/**
 * The breakers of a node, by name. They are kept over restarts; the few that nothing has ever failed through are not.
 * A call is decided on at once, and nothing is held while it runs.
 */
export class Breakers implements BreakersPort {
  readonly #components: BreakersComponents
  readonly #rows: Repository<BreakerRow>
  readonly #breakers = new Map<string, Breaker>()
  /** When a call of each went well, in this process. */
  readonly #okAt = new Map<string, number>()

  private constructor(components: BreakersComponents) {
    this.#components = components
    this.#rows = new Repository(components.database, 'breakers', breakerSchema)
  }

  /** Those of the store. A probe that was under way when the node ended has no outcome. @throws {KithError} `corrupt` */
  static async open(components: BreakersComponents): Promise<Breakers> {
    const breakers = new Breakers(components)
    for await (const [name, row] of breakers.#rows.entries()) {
      breakers.#breakers.set(name, withoutProbe(row))
    }
    return breakers
  }

  enter(name: string): Entered {
    const decision = enter(this.#get(name), this.#components.clock.now())
    if (!decision.allowed) {
      const { nextProbeAt } = decision
      throw new KithError(
        'breaker-open',
        `${name} fails, and is left alone until ${new Date(nextProbeAt).toISOString()}`,
        { nextProbeAt },
        { hint: `kith breaker reset '${name}'` },
      )
    }
    const { generation, probing } = decision.breaker
    this.#set(name, decision.breaker)
    let told = false
    const tell = (what: Outcome): void => {
      if (told) throw new TypeError(`the outcome of a call of ${name} was told twice`)
      told = true
      const { clock, random } = this.#components
      this.#set(name, outcome(this.#get(name), generation, what, clock.now(), random()))
    }
    return {
      probes: probing,
      succeeded: () => {
        this.#okAt.set(name, this.#components.clock.now())
        tell('good')
      },
      failed: () => {
        tell('bad')
      },
      withdrawn: () => {
        tell('none')
      },
    }
  }

  /** When a call of this name last went well, in this process, in ms since the epoch. */
  lastOkAt(name: string): number | undefined {
    return this.#okAt.get(name)
  }

  /** Lets the next call of this name be a probe, if it is open: the other side has been heard of. */
  makeDue(name: string): void {
    const breaker = this.#breakers.get(name)
    if (breaker !== undefined) this.#set(name, due(breaker))
  }

  /** Every breaker through which a call went, or has failed before the last restart, by name. */
  list(): BreakerReport[] {
    return [...this.#breakers]
      .map(([name, breaker]) => reportOf(name, breaker))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Closes a breaker; undefined when there is none of this name. On disk when this resolves. */
  async reset(name: string): Promise<{ before: BreakerReport; after: BreakerReport } | undefined> {
    const before = this.#breakers.get(name)
    if (before === undefined) return undefined
    const after = reset(before)
    this.#breakers.set(name, after)
    await this.#components.database.write([this.#rows.del(name)], { durable: true })
    this.#components.log.info({ breaker: name, was: before.state }, 'breaker reset')
    return { before: reportOf(name, before), after: reportOf(name, after) }
  }

  #get(name: string): Breaker {
    return this.#breakers.get(name) ?? CLOSED
  }

  #set(name: string, breaker: Breaker): void {
    const before = this.#get(name)
    this.#breakers.set(name, breaker)
    if (breaker === before) return
    const { database, log } = this.#components
    if (breaker.state !== before.state) {
      log.warn({ breaker: name, from: before.state, to: breaker.state }, 'breaker changed')
    }
    if (isBlank(before) && isBlank(breaker)) return
    const operation = isBlank(breaker) ? this.#rows.del(name) : this.#rows.put(name, rowOf(breaker))
    // Not waited for: what a power cut loses is some counts, and a call need not wait for them.
    database.write([operation], { durable: false }).catch((err: unknown) => {
      log.error({ err, breaker: name }, 'breaker could not be written')
    })
  }
}

/** True for one that a restart may forget. */
function isBlank({ recent, state }: Breaker): boolean {
  return state === 'closed' && !recent.includes(false)
}

function rowOf(breaker: Breaker): BreakerRow {
  return { ...breaker, recent: [...breaker.recent] }
}

function reportOf(name: string, breaker: Breaker): BreakerReport {
  const { openedAt, state, waitMs } = breaker
  return {
    name,
    state,
    failures: failuresInRow(breaker),
    ...(state === 'open' ? { openedAt, nextProbeAt: openedAt + waitMs } : {}),
  }
}
