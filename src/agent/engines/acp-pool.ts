import { KithError, toError } from '../../protocol/errors.ts'
import { AcpProcess } from './acp-process.ts'
import type { AcpProcessComponents, AcpProcessInit } from './acp-process.ts'
import { programFailed } from './program.ts'

/** How long an agent that nobody uses is kept. */
export const IDLE_MS = 300_000

/** How long an agent may take to say hello. */
export const HELLO_MS = 30_000

/** Most agents that run at once: one for each asker. */
export const MAX_AGENTS = 4

/** Most sessions that are kept open in one agent: the one that was not used for longest goes. */
export const MAX_KEPT_SESSIONS = 16

export interface AcpPoolComponents extends AcpProcessComponents {
  /** Calls `run` once after `ms`, unless the returned function is called before. */
  after: (ms: number, run: () => void) => () => void
}

/** A session that an agent keeps, and what our own record of it was when it was last used. */
export interface KeptSession {
  id: string
  record: string
  /** What it has cost until now, in US dollars, as far as the agent said. */
  usd: number
}

/** The agent of one asker, with the sessions that can go on in it. */
export interface Place {
  process: AcpProcess
  /** By our own name. One that is in use is not among them. */
  sessions: Map<string, KeptSession>
}

interface Held {
  asker: string
  starting: AbortController
  place: Promise<Place>
  ready: boolean
  users: number
  cancelIdle: () => void
}

/**
 * Agents that stay for the next ask, one for each asker: what one of them remembers cannot reach another, and one
 * that has to be killed takes along the asks of its own asker alone.
 */
export class AcpPool {
  readonly #components: AcpPoolComponents
  readonly #init: AcpProcessInit
  /** By asker, the one that was used last at the end. */
  readonly #held = new Map<string, Held>()
  /** Of agents that are being ended. */
  readonly #endings = new Set<Promise<void>>()

  constructor(components: AcpPoolComponents, init: AcpProcessInit) {
    this.#components = components
    this.#init = init
  }

  /**
   * Calls `use` with the agent of `asker`, which is started when there is none, and keeps it from being ended
   * meanwhile.
   *
   * @throws {KithError} `busy` when there are too many, and each is in use; `program-failed`
   * @throws the signal's reason
   */
  async *with<T, R>(
    asker: string,
    signal: AbortSignal,
    use: (place: Place) => AsyncGenerator<T, R>,
  ): AsyncGenerator<T, R> {
    const held = this.#hold(asker)
    try {
      return yield* use(await startedUnless(signal, held.place))
    } finally {
      await this.#release(held)
    }
  }

  /** Ends every agent. */
  async stop(): Promise<void> {
    for (const held of this.#held.values()) void this.#end(held)
    await Promise.all(this.#endings)
  }

  #hold(asker: string): Held {
    const held = this.#held.get(asker) ?? this.#begin(asker)
    held.users++
    held.cancelIdle()
    return held
  }

  #begin(asker: string): Held {
    if (this.#held.size >= MAX_AGENTS) {
      const idle = [...this.#held.values()].find(({ users }) => users === 0)
      if (idle === undefined) {
        throw new KithError('busy', `${MAX_AGENTS} agents are at work`, { position: 0 })
      }
      void this.#end(idle)
    }
    const starting = new AbortController()
    const held: Held = {
      asker,
      starting,
      place: this.#start(starting),
      ready: false,
      users: 0,
      cancelIdle: () => undefined,
    }
    this.#held.set(asker, held)
    // Who waits for it is told; nobody may be left to.
    held.place.then(
      ({ process }) => {
        held.ready = true
        process.gone.addEventListener('abort', () => {
          this.#forget(held)
        })
      },
      () => {
        this.#forget(held)
      },
    )
    return held
  }

  async #start(starting: AbortController): Promise<Place> {
    const [program] = this.#init.argv
    const cancel = this.#components.after(HELLO_MS, () => {
      starting.abort(programFailed(program, `said no hello within ${HELLO_MS / 1_000} s`, ''))
    })
    try {
      const process = await AcpProcess.start(this.#components, this.#init, starting.signal)
      return { process, sessions: new Map() }
    } finally {
      cancel()
    }
  }

  async #release(held: Held): Promise<void> {
    held.users--
    if (held.users > 0) return
    if (!held.ready) return this.#end(held)
    if (this.#held.get(held.asker) !== held) return
    this.#held.delete(held.asker)
    this.#held.set(held.asker, held)
    held.cancelIdle = this.#components.after(IDLE_MS, () => void this.#end(held))
  }

  async #end(held: Held): Promise<void> {
    this.#forget(held)
    held.starting.abort()
    const ending = held.place.then(
      ({ process }) => process.stop(),
      () => undefined,
    )
    this.#endings.add(ending)
    await ending
    this.#endings.delete(ending)
  }

  #forget(held: Held): void {
    held.cancelIdle()
    if (this.#held.get(held.asker) === held) this.#held.delete(held.asker)
  }
}

/** What `place` becomes. @throws the signal's reason, when that comes first */
async function startedUnless(signal: AbortSignal, place: Promise<Place>): Promise<Place> {
  const { promise, reject, resolve } = Promise.withResolvers<Place>()
  const onAbort = (): void => {
    reject(toError(signal.reason))
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  place.then(resolve, reject)
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
