import type { Logger } from 'pino'
import { backoffMs } from '../../protocol/backoff.ts'
import { toError } from '../../protocol/errors.ts'
import type { Clock } from '../clock.ts'
import { ownedBy } from './owner.ts'
import type { Owner } from './owner.ts'

/** A part that has failed is started again after a second, and then ever later, up to five minutes. */
export const PART_BACKOFF = { baseMs: 1_000, maxMs: 300_000 }

/** One that has run for so long is well: what it failed of before no longer counts. */
const WELL_AFTER_MS = 60_000

/** How a part stands. */
export interface PartState {
  part: string
  state: 'starting' | 'running' | 'failed' | 'stopped'
  /** When it came to stand so, in ms since the epoch. */
  since: number
  /** Why it failed last, until it has run well for a minute. */
  failure?: string
  /** How often it was started again. */
  restarts: number
  /** When it is started again, in ms since the epoch. */
  nextTryAt?: number
}

/** Some services that start, fail and stop together. */
export interface Part {
  readonly name: string
  start: () => Promise<void> | void
  /** Ends its work, within this many ms by itself and then by force, while all other parts still run. */
  drain?: (drainMs: number) => Promise<void> | void
  stop?: () => Promise<void> | void
}

export interface SupervisorComponents {
  clock: Pick<Clock, 'after' | 'now'>
  /** In [0, 1). */
  random: () => number
  log: Logger
}

/**
 * A part that is started again when it fails: when its start does, or when it throws what nobody catches. All steps
 * are taken one after the other.
 */
export class SupervisedPart implements Owner {
  readonly #components: SupervisorComponents
  readonly #part: Part
  #state: PartState
  /** Failures in a row. */
  #failures = 0
  #wanted = false
  #steps: Promise<unknown> = Promise.resolve()
  #cancelTimer: () => void = () => undefined

  constructor(components: SupervisorComponents, part: Part) {
    this.#components = components
    this.#part = part
    const { clock } = components
    this.#state = { part: part.name, state: 'stopped', since: clock.now(), restarts: 0 }
  }

  get state(): PartState {
    return this.#state
  }

  /**
   * Resolves when it runs, or has failed and will be started again.
   *
   * @throws what its start does, if `mayRefuse` says that this is for a person to mend
   */
  async start(mayRefuse: (err: unknown) => boolean = () => false): Promise<void> {
    this.#wanted = true
    await this.#next(async () => {
      await this.#begin(mayRefuse)
    })
  }

  async drain(drainMs: number): Promise<void> {
    this.#wanted = false
    this.#cancelTimer()
    await this.#next(async () => {
      if (this.#state.state === 'failed') return
      await this.#part.drain?.(drainMs)
    })
  }

  async stop(): Promise<void> {
    await this.#next(async () => {
      try {
        if (this.#state.state !== 'failed') await this.#part.stop?.()
      } finally {
        this.#note('stopped')
      }
    })
  }

  /** Stops it and starts it again later; one that is about to be is left to that. */
  fail(err: unknown): void {
    const { log } = this.#components
    const { part, state } = this.#state
    log.error({ part, err }, 'part failed')
    if (!this.#wanted || state === 'failed') return
    this.#markFailed(err)
    void this.#next(async () => {
      await this.#end()
      this.#startLater()
    })
  }

  async #begin(mayRefuse: (err: unknown) => boolean): Promise<void> {
    const { clock, log } = this.#components
    this.#note('starting')
    try {
      await ownedBy(this, async () => {
        await this.#part.start()
      })
    } catch (err) {
      if (mayRefuse(err)) {
        this.#wanted = false
        throw err
      }
      log.error({ part: this.#part.name, err }, 'part could not start')
      this.#markFailed(err)
      await this.#end()
      this.#startLater()
      return
    }
    // It may have failed already, of something that its start has begun: then its end is the next step.
    if (this.#state.state !== 'starting') return
    this.#note('running')
    this.#cancelTimer = clock.after(WELL_AFTER_MS, () => {
      this.#failures = 0
      const { part, restarts, since, state } = this.#state
      this.#state = { part, state, since, restarts }
    })
  }

  #markFailed(err: unknown): void {
    this.#cancelTimer()
    this.#failures++
    this.#note('failed', toError(err).message)
  }

  async #end(): Promise<void> {
    const { log } = this.#components
    try {
      await ownedBy(this, async () => {
        await this.#part.drain?.(0)
        await this.#part.stop?.()
      })
    } catch (err) {
      log.warn({ part: this.#part.name, err }, 'part did not stop cleanly')
    }
  }

  #startLater(): void {
    if (!this.#wanted) return
    const { clock, log, random } = this.#components
    const waitMs = backoffMs(this.#failures, random(), PART_BACKOFF)
    this.#state = { ...this.#state, nextTryAt: clock.now() + waitMs }
    this.#cancelTimer = clock.after(waitMs, () => {
      void this.#next(async () => {
        if (!this.#wanted) return
        this.#state = { ...this.#state, restarts: this.#state.restarts + 1 }
        await this.#begin(() => false)
        if (this.#state.state === 'running') log.info({ part: this.#part.name }, 'part runs again')
      })
    })
  }

  #note(state: PartState['state'], failure = this.#state.failure): void {
    const { part, restarts } = this.#state
    const since = this.#components.clock.now()
    this.#state = { part, state, since, restarts, ...(failure === undefined ? {} : { failure }) }
  }

  /** Does `step` when those before it are done, well or not. */
  async #next(step: () => Promise<void>): Promise<void> {
    const done = this.#steps.then(step)
    this.#steps = done.catch(() => undefined)
    await done
  }
}
