import type { IncomingMessage } from 'node:http'
import { dirname } from 'node:path'
import { pipe } from 'it-pipe'
import { KithError } from '../../protocol/errors.ts'
import type { FailureCode, FailureDetails } from '../../protocol/errors.ts'
import type { CallName, ErrorBody, Input, Output, RouteName, StreamName } from './api.ts'
import { PATHS } from './paths.ts'

// `import` would read every name that node:http has, and one of them loads a WebSocket client: 25 ms a command.
const { request } = process.getBuiltinModule('node:http')
const { lstatSync } = process.getBuiltinModule('node:fs')

const OPEN_TO_OTHERS = 0o077

/*
 * Written by hand on node:http and free of schemas, because it is on the way of every command: the server, which is
 * the same version, has checked what it sends.
 */

/** What a peer answered instead of what was wanted. Anything that our own node refuses is a plain `KithError`. */
export class RefusedByPeer extends Error {
  override readonly name = 'RefusedByPeer'
  readonly code: string
  readonly details: Record<string, unknown>

  constructor(code: string, details: Record<string, unknown>) {
    super(`the peer refused: ${code}`)
    this.code = code
    this.details = details
  }
}

/** Speaks to the daemon of one home over its unix socket. */
export class ControlClient {
  readonly #socket: string
  readonly #home: string

  constructor(init: { socket: string; home: string }) {
    this.#socket = init.socket
    this.#home = init.home
  }

  /**
   * The answer of a route.
   *
   * @throws {KithError} `daemon-not-running`, `unsafe-file` for a socket that another user may have put there, or
   *   what the node refused
   * @throws {RefusedByPeer} what the peer answered
   */
  async call<N extends CallName>(
    name: N,
    input: Input<N>,
    signal?: AbortSignal,
  ): Promise<Output<N>> {
    const response = await this.#request(name, input, signal)
    const body: unknown = JSON.parse(await textOf(response))
    return body as Output<N>
  }

  /** The items of an ask's stream. @throws as `call` */
  askEvents(input: Input<'askEvents'>, signal?: AbortSignal): AsyncGenerator<Output<'askEvents'>> {
    return this.#stream('askEvents', input, signal)
  }

  /** Alerts, as they come. @throws as `call` */
  alertEvents(
    input: Input<'alertEvents'>,
    signal?: AbortSignal,
  ): AsyncGenerator<Output<'alertEvents'>> {
    return this.#stream('alertEvents', input, signal)
  }

  /** How the fleet is, whenever that changes. @throws as `call` */
  fleetEvents(
    input: Input<'fleetEvents'>,
    signal?: AbortSignal,
  ): AsyncGenerator<Output<'fleetEvents'>> {
    return this.#stream('fleetEvents', input, signal)
  }

  /** Cost records, then their sum. @throws as `call` */
  costs(input: Input<'costs'>, signal?: AbortSignal): AsyncGenerator<Output<'costs'>> {
    return this.#stream('costs', input, signal)
  }

  /** Approvals, as they open. @throws as `call` */
  approvalEvents(
    input: Input<'approvalEvents'>,
    signal?: AbortSignal,
  ): AsyncGenerator<Output<'approvalEvents'>> {
    return this.#stream('approvalEvents', input, signal)
  }

  /** Runs, as they end. @throws as `call` */
  runEvents(input: Input<'runEvents'>, signal?: AbortSignal): AsyncGenerator<Output<'runEvents'>> {
    return this.#stream('runEvents', input, signal)
  }

  async *#stream<N extends StreamName>(
    name: N,
    input: Input<N>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Output<N>> {
    const response = await this.#request(name, input, signal)
    response.setEncoding('utf8')
    // The server, which is the same version, has checked what it sends.
    yield* pipe(response as AsyncIterable<string>, blocks, items) as AsyncGenerator<Output<N>>
  }

  async #request(
    name: RouteName,
    input: Record<string, unknown>,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    // The home is checked by whoever opens it; a folder among the temporary ones may be anybody's.
    if (dirname(this.#socket) !== this.#home) assertPrivate(dirname(this.#socket))
    const [method, template] = PATHS[name]
    const rest = { ...input }
    const path = template.replaceAll(/:(\w+)/g, (_, key: string) => {
      const value = String(rest[key])
      Reflect.deleteProperty(rest, key)
      return encodeURIComponent(value)
    })
    const query = method === 'GET' ? `?${new URLSearchParams(strings(rest)).toString()}` : ''
    const body = method === 'POST' ? JSON.stringify(rest) : undefined
    const response = await this.#send(method, path + query, body, signal)
    if ((response.statusCode ?? 500) < 400) return response
    throw failureOf(await textOf(response))
  }

  #send(
    method: string,
    path: string,
    body: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          socketPath: this.#socket,
          // A connection of its own for each call: one that is kept would lead on to a node that stops.
          agent: false,
          method,
          path,
          headers: body === undefined ? {} : { 'content-type': 'application/json' },
          ...(signal === undefined ? {} : { signal }),
        },
        resolve,
      )
      sent.on('error', (err: NodeJS.ErrnoException) => {
        const absent = err.code === 'ENOENT' || err.code === 'ECONNREFUSED'
        reject(absent ? this.#notRunning(err) : err)
      })
      sent.end(body)
    })
  }

  #notRunning(cause: Error): KithError<'daemon-not-running'> {
    return new KithError(
      'daemon-not-running',
      `no node is running in ${this.#home}`,
      { home: this.#home },
      { cause, hint: 'kith start' },
    )
  }
}

/** @throws {KithError} `unsafe-file` for what is no folder of ours that is closed to others; none at all is fine */
function assertPrivate(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return
  const ours = stats.uid === (process.geteuid?.() ?? stats.uid)
  if (stats.isDirectory() && ours && (stats.mode & OPEN_TO_OTHERS) === 0) return
  const fix = `look who made ${path}, then remove it`
  const message = `${path} is no folder that is ours and closed to others`
  throw new KithError('unsafe-file', message, { path, fix }, { hint: fix })
}

/** The blocks of a stream of server-sent events, each ended by an empty line (WHATWG HTML §9.2). */
async function* blocks(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of chunks) {
    const parts = (rest + chunk).split('\n\n')
    rest = parts.pop() ?? ''
    yield* parts
  }
}

/** What the blocks carry; one without data is a comment that keeps the stream alive. */
async function* items(blocks: AsyncIterable<string>): AsyncGenerator {
  for await (const block of blocks) {
    const data = block
      .split('\n')
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice(5).trimStart())
      .join('\n')
    if (data !== '') yield JSON.parse(data)
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8')
  let text = ''
  for await (const chunk of response as AsyncIterable<string>) text += chunk
  return text
}

function failureOf(text: string): Error {
  const { error } = JSON.parse(text) as ErrorBody
  if (error.fromPeer) return new RefusedByPeer(error.code, error.details)
  return new KithError(
    error.code as FailureCode,
    error.message,
    error.details as unknown as FailureDetails[FailureCode],
    error.hint === undefined ? {} : { hint: error.hint },
  )
}

function strings(values: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, String(value)]),
  )
}
