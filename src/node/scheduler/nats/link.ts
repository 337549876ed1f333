import type { Logger } from 'pino'
import { backoffMs } from '../../../protocol/backoff.ts'
import { KithError, toError } from '../../../protocol/errors.ts'
import type { Clock } from '../../clock.ts'
import type { Session } from './session.ts'

/** Waits between attempts to connect: servers that restart are back within seconds. */
const BACKOFF = { baseMs: 500, maxMs: 30_000 }

export interface LinkComponents {
  clock: Clock
  /** In [0, 1). */
  random: () => number
  log: Logger
}

export interface LinkInit {
  /** What the servers are called when they cannot be reached. */
  servers: string
  open: () => Promise<Session>
  /** Reads all that is there, before anybody may use the session. */
  onOpen: (session: Session) => Promise<void>
  /** Told when there is a session, or none any more. */
  onChange: () => void
}

/** Keeps a session up: another one after each that ends, for ever, with waits that grow. */
export class Link {
  readonly #components: LinkComponents
  readonly #init: LinkInit
  readonly #stopping = new AbortController()
  #running: Promise<void> = Promise.resolve()
  readonly #tried = Promise.withResolvers<undefined>()
  #session: Session | undefined
  #fault: Error | undefined = new Error('not connected yet')

  constructor(components: LinkComponents, init: LinkInit) {
    this.#components = components
    this.#init = init
  }

  /** Resolves when the first attempt to connect has ended, either way. */
  async start(): Promise<void> {
    this.#running = this.#run(this.#stopping.signal)
    await this.#tried.promise
  }

  /** Resolves when the connection is closed. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#session?.close()
    await this.#running
  }

  /** Why there is no session, while there is none. */
  get fault(): Error | undefined {
    return this.#fault
  }

  /** What the servers are called. */
  get servers(): string {
    return this.#init.servers
  }

  /** The session that is up. @throws {KithError} `jobs-unreachable` */
  get session(): Session {
    if (this.#session !== undefined) return this.#session
    const { servers } = this.#init
    throw new KithError(
      'jobs-unreachable',
      `the job list is on ${servers}, which cannot be reached: ${this.#fault?.message ?? ''}`,
      { servers },
      { hint: 'kith doctor' },
    )
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#components
    let failures = 0
    while (!signal.aborted) {
      failures = (await this.#live(signal)) ? 0 : failures + 1
      await clock.sleep(backoffMs(Math.max(1, failures), random(), BACKOFF), signal)
    }
  }

  /** Lives through one session. Resolves with false when there was none. */
  async #live(signal: AbortSignal): Promise<boolean> {
    const { onChange, onOpen, open, servers } = this.#init
    const { log } = this.#components
    let session: Session | undefined
    try {
      session = await open()
      await onOpen(session)
      signal.throwIfAborted()
      this.#session = session
      this.#fault = undefined
      log.info({ servers }, 'the job list is connected')
      onChange()
      this.#tried.resolve(undefined)
      await session.ended
      this.#lost(new Error('the connection was lost'))
      return true
    } catch (err) {
      this.#lost(toError(err))
      return false
    } finally {
      this.#tried.resolve(undefined)
      await session?.close()
    }
  }

  #lost(fault: Error): void {
    const { log } = this.#components
    const { onChange, servers } = this.#init
    this.#session = undefined
    // Once for each reason, and not for each attempt.
    const isNews = fault.message !== this.#fault?.message && !this.#stopping.signal.aborted
    this.#fault = fault
    if (!isNews) return
    log.warn({ err: fault, servers }, 'the job list cannot be reached')
    onChange()
  }
}
