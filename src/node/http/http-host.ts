import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { KithError, isFailure, toError } from '../../protocol/errors.ts'
import type { Access } from './access.ts'
import { hostText, isLoopback, parseListen, resolveHost } from './bind.ts'
import type { HttpConfig } from './http-config.ts'
import type { Logins } from './logins.ts'
import { TaskDesk } from './tasks/task-desk.ts'
import type { TaskDeskComponents } from './tasks/task-desk.ts'
import { TcpServer } from './tcp-server.ts'
import type { RequestListener } from './tcp-server.ts'
import type { Tokens } from './tokens.ts'

/** Where `kith dashboard` listens; on any free port where somebody else has this one. */
const LOOPBACK = '127.0.0.1'
const DEFAULT_PORT = 7_424

/** An address that could not be had is tried again after this long. */
const RETRY_MS = 10_000

/** Rights that have run out end their connections after this long at most. */
const SWEEP_MS = 5_000

export interface HttpHostComponents extends TaskDeskComponents, Access {
  log: Logger
}

/** What the listener needs of what holds it. */
export type HttpDoor = Pick<HttpHost, 'hold' | 'logins' | 'tokens'> & {
  allowedHosts: readonly string[]
  /** Aborts when the listener stops. */
  stop: AbortSignal
}

/** How the listener stands. */
export interface HttpState {
  /** `HOST:PORT`, while it listens. */
  listening?: string
  /** Since when it is so. */
  since: number
  failure?: Error
  connections: { open: number; displaced: number }
}

/** The TCP listener of a node: as config.yaml says, or on loopback from the first `kith dashboard` on. */
export class HttpHost {
  readonly logins: Logins
  readonly tasks: TaskDesk
  readonly tokens: Tokens
  readonly #components: HttpHostComponents
  readonly #config: HttpConfig
  #listenerOf: ((door: HttpDoor) => Promise<RequestListener>) | undefined
  #server: TcpServer | undefined
  #address: AddressInfo | undefined
  #failure: Error | undefined
  #since: number
  #listening: Promise<void> | undefined
  #stopping = new AbortController()
  #timers: (() => void)[] = []

  constructor(components: HttpHostComponents, config: HttpConfig) {
    this.#components = components
    this.#config = config
    this.tokens = components.tokens
    this.logins = components.logins
    this.tasks = new TaskDesk(components)
    this.#since = components.clock.now()
  }

  /**
   * Listens where config.yaml says. `listenerOf` makes what answers, when there is the first need of it: it loads what
   * a node without HTTP has no use for.
   */
  async start(listenerOf: (door: HttpDoor) => Promise<RequestListener>): Promise<void> {
    const { clock, tokens } = this.#components
    this.#stopping = new AbortController()
    this.#listenerOf = listenerOf
    this.tasks.start()
    const sweep = (): void => {
      this.#server?.cut((by) => this.#holds(by))
    }
    this.#timers = [tokens.onRevoke(sweep), clock.every(SWEEP_MS, sweep)]
    if (this.#config.listen === undefined) {
      // A page that was open before a restart looks for us where it was; elsewhere it would not find us.
      const { port } = this.logins
      if (port !== undefined) await this.#listenOnce(port).catch(() => this.#endLogins())
      return
    }
    await this.#tryConfigured()
    const retry = (): void => {
      if (this.#server === undefined) void this.#tryConfigured()
    }
    this.#timers.push(clock.every(RETRY_MS, retry))
  }

  /** Ends streams, hangs up, and resolves when nobody is connected. */
  async stop(): Promise<void> {
    for (const cancel of this.#timers.splice(0)) cancel()
    this.tasks.stop()
    this.#stopping.abort()
    // Before what is waited for: nobody begins to listen meanwhile.
    this.#listenerOf = undefined
    await this.#listening?.catch(() => undefined)
    await this.#server?.stop()
    this.#server = undefined
    this.#address = undefined
  }

  /**
   * A URL that opens the dashboard once, within minutes. Listens on loopback if nothing else does.
   *
   * @throws {KithError} `cannot-listen`; `unsafe-bind` for a config that asks for what is not served
   */
  async dashboard(): Promise<string> {
    if (this.#server === undefined) await this.#listenOnce()
    if (this.#address === undefined) throw new TypeError('it does not listen')
    const { address, port } = this.#address
    const host = /^(0\.0\.0\.0|::)$/.test(address) ? LOOPBACK : address
    return `http://${hostText({ address: host, port })}/#code=${this.logins.code()}`
  }

  get state(): HttpState {
    return {
      ...(this.#address === undefined ? {} : { listening: hostText(this.#address) }),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
      since: this.#since,
      connections: this.#server?.counts ?? { open: 0, displaced: 0 },
    }
  }

  /** Notes by whose right a request came over a socket: when it ends, so does the connection. */
  readonly hold: TcpServer['hold'] = (socket, by) => {
    this.#server?.hold(socket, by)
  }

  async #tryConfigured(): Promise<void> {
    const { log } = this.#components
    try {
      await this.#listenOnce()
    } catch (err) {
      const failure = toError(err)
      if (isFailure(err, 'cannot-listen')) await this.#endLogins()
      if (failure.message !== this.#failure?.message) log.error({ err }, 'http does not listen')
      this.#failure = failure
      this.#since = this.#components.clock.now()
    }
  }

  /** Who has our address now gets what our pages send there: it proves nothing any more. */
  async #endLogins(): Promise<void> {
    // One that cannot be ended on disk has ended here: a store that takes nothing says so elsewhere.
    await this.logins.endAll().catch(() => undefined)
  }

  /** One at a time: two commands at once open one listener. */
  async #listenOnce(only?: number): Promise<void> {
    this.#listening ??= this.#listen(only).finally(() => {
      this.#listening = undefined
    })
    await this.#listening
  }

  async #listen(only?: number): Promise<void> {
    const { clock, log, tokens } = this.#components
    if (this.#server !== undefined) return
    if (this.#listenerOf === undefined) {
      throw new KithError('stopping', 'this node is starting or stopping', {})
    }
    const listener = await this.#listenerOf({
      allowedHosts: this.#config.allowed_hosts,
      hold: this.hold,
      logins: this.logins,
      stop: this.#stopping.signal,
      tokens,
    })
    const exposure = { allowed: this.#config.allow_non_loopback, tokens: tokens.live }
    const { listen = '' } = this.#config
    const configured = parseListen(listen)
    const server = new TcpServer(listener)
    const { host, port } = configured ?? { host: LOOPBACK, port: only ?? DEFAULT_PORT }
    const address = await server
      .listen(await resolveHost(host), port, exposure)
      .catch(async (err: unknown) => {
        if (configured !== undefined || only !== undefined || !isFailure(err, 'cannot-listen'))
          throw err
        return await server.listen(LOOPBACK, 0, exposure)
      })
    this.#server = server
    this.#address = address
    this.#failure = undefined
    this.#since = clock.now()
    const exposed = !isLoopback(address.address)
    log.info({ listening: hostText(address), exposed }, 'http listens')
  }

  #holds(by: string): boolean {
    const [kind, id = ''] = by.split(' ')
    return kind === 'token' ? this.tokens.holds(id) : this.logins.holds(id)
  }
}
