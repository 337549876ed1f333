import { raceSignal } from 'race-signal'
import { backoffMs } from '../../protocol/backoff.ts'
import { KithError, toError } from '../../protocol/errors.ts'
import type { ToolOutput } from '../tools/tool.ts'
import { McpConnection } from './connection.ts'
import type { ConnectionInit } from './connection.ts'
import type { KnownTools } from './known-tools.ts'
import { toolName } from './offered-tool.ts'

/** Most starts of one server in an hour. */
export const MAX_STARTS = 10
const STARTS_MS = 3_600_000

/** How long one that has failed is left alone. */
const WAIT = { baseMs: 1_000, maxMs: 60_000, jitter: 0.2 }

export interface McpServerComponents {
  known: KnownTools
  /** Takes secrets out of what a program says, before it gets to a log. */
  redacted: (text: string) => string
  /** In ms since the epoch. */
  now: () => number
  /** In [0, 1). */
  random: () => number
  /** It could not be started, or has gone without being told to. */
  onFault: (server: string, cause: Error) => void
}

/** One server of the owner's: started when it is used first, and again, not too often, when it has died. */
export class McpServer {
  readonly #components: McpServerComponents
  readonly #init: ConnectionInit
  readonly #stopping = new AbortController()
  #opening: Promise<McpConnection> | undefined
  /** The looks at its tools, one after the other. */
  #looking: Promise<void> = Promise.resolve()
  /** When it was started in the last hour. */
  #starts: number[] = []
  #failures = 0
  #fault: Error | undefined
  #nextStartAt = 0
  #calls = 0

  constructor(components: McpServerComponents, init: ConnectionInit) {
    this.#components = components
    this.#init = init
  }

  get name(): string {
    return this.#init.server
  }

  /** Why it failed last; undefined once it has answered since. */
  get fault(): Error | undefined {
    return this.#fault
  }

  /**
   * Starts it, if it does not run. Its tools, as it lists them now, have been compared to what is known when this
   * resolves: not each server tells of a change.
   *
   * @throws {KithError} `program-failed`; `stopping`; `store-failed`
   * @throws the signal's reason
   */
  async look(signal: AbortSignal): Promise<void> {
    const ran = this.#opening !== undefined
    const connection = await raceSignal(this.#ready(), signal)
    if (ran) await raceSignal(this.#look(connection), signal)
  }

  /**
   * Calls a tool, if that is still what it was when it was offered.
   *
   * @throws {KithError} as `look`; `denied` with rule `mcp-tool` for a tool that is withheld
   * @throws the signal's reason
   */
  async call(
    tool: string,
    input: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<Omit<ToolOutput, 'source'>> {
    const connection = await raceSignal(this.#ready(), signal)
    const state = this.#components.known.state(tool)
    if (state !== 'offered') {
      const message = `${toolName(this.name, tool)} is withheld: it is ${state}`
      throw new KithError('denied', message, { rule: 'mcp-tool' }, { hint: 'kith mcp-tools list' })
    }
    this.#calls++
    try {
      const output = await connection.call(tool, input, signal)
      this.#failures = 0
      this.#fault = undefined
      return output
    } catch (err) {
      // It may hang: the next call is by a new one, unless somebody else still waits for this one.
      if (!signal.aborted && this.#calls === 1) await this.#drop(connection, toError(err))
      throw err
    } finally {
      this.#calls--
    }
  }

  /** Ends it, until it is used again. */
  async rest(): Promise<void> {
    const opening = this.#opening
    this.#opening = undefined
    const connection = await opening?.catch(() => undefined)
    await connection?.close()
  }

  /** Resolves once nothing of it runs, for good. */
  async stop(): Promise<void> {
    this.#stopping.abort(new KithError('stopping', 'the node stops', {}))
    await this.rest()
    await this.#looking.catch(() => undefined)
  }

  /** A connection whose tools are compared as they are now. */
  async #ready(): Promise<McpConnection> {
    this.#stopping.signal.throwIfAborted()
    const connection = await (this.#opening ?? this.#begin())
    await this.#looking
    return connection
  }

  #begin(): Promise<McpConnection> {
    // Outside of what counts as a failure: to be left alone is none.
    this.#assertMayStart()
    const opening = this.#open()
    this.#opening = opening
    const gone = (cause: Error): void => {
      // Whoever ends it on purpose has taken it away before.
      if (this.#opening !== opening) return
      this.#opening = undefined
      this.#failed(cause)
    }
    opening.then(
      (connection) => {
        const onGone = (): void => {
          gone(toError(connection.gone.reason))
        }
        if (connection.gone.aborted) onGone()
        else connection.gone.addEventListener('abort', onGone, { once: true })
      },
      (err: unknown) => {
        gone(toError(err))
      },
    )
    return opening
  }

  async #open(): Promise<McpConnection> {
    const { now, redacted } = this.#components
    this.#starts.push(now())
    const onToolsChanged = (connection: McpConnection): void => {
      this.#look(connection).catch(() => undefined)
    }
    const opened = await McpConnection.open(
      { redacted, onToolsChanged },
      this.#init,
      this.#stopping.signal,
    )
    try {
      await this.#look(opened)
    } catch (err) {
      await opened.close()
      throw err
    }
    return opened
  }

  /** Looks at the tools once those that look already have ended. */
  #look(connection: McpConnection): Promise<void> {
    const looking = this.#looking
      .catch(() => undefined)
      .then(async () => {
        try {
          await this.#components.known.seen(await connection.tools())
          this.#fault = undefined
        } catch (err) {
          await this.#drop(connection, toError(err))
          throw err
        }
      })
    this.#looking = looking
    return looking
  }

  /** Ends a connection that is of no more use. */
  async #drop(connection: McpConnection, cause: Error): Promise<void> {
    if (connection.gone.aborted) return
    this.#opening = undefined
    this.#failed(cause)
    await connection.close()
  }

  #failed(cause: Error): void {
    const { now, onFault, random } = this.#components
    if (this.#stopping.signal.aborted) return
    this.#failures++
    this.#fault = cause
    this.#nextStartAt = now() + backoffMs(this.#failures, random(), WAIT)
    onFault(this.name, cause)
  }

  /** @throws {KithError} `program-failed` while it is left alone */
  #assertMayStart(): void {
    const now = this.#components.now()
    // Under a clock that was set back, what is ahead of it is long ago.
    this.#starts = this.#starts.filter((at) => at <= now && at > now - STARTS_MS)
    const [oldest] = this.#starts
    const full = this.#starts.length >= MAX_STARTS && oldest !== undefined
    const nextAt = full ? oldest + STARTS_MS : this.#nextStartAt
    const waitMs = Math.min(nextAt - now, STARTS_MS)
    if (waitMs <= 0) return
    const why = `has failed, and is started again in ${Math.ceil(waitMs / 1_000)} s at the earliest`
    const program = `MCP server ${this.name}`
    throw new KithError('program-failed', `the ${program} ${why}`, { program, why })
  }
}
