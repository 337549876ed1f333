import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

/** One call of the sink, as it came. */
export interface SinkCall {
  method: string | undefined
  path: string | undefined
  headers: IncomingHttpHeaders
  body: string
}

/** An HTTP server on this machine that keeps what it gets, and answers as a test wants. */
export class WebhookSink {
  readonly calls: SinkCall[] = []
  /** Connections that were made, whether or not a request came. */
  connections = 0
  answer: (response: ServerResponse, call: SinkCall) => void = (response) => {
    response.writeHead(204).end()
  }
  readonly #server: Server
  readonly #waiting: { count: number; resolve: () => void }[] = []

  private constructor() {
    this.#server = createServer((request, response) => {
      // Its caller may go away in the middle.
      response.on('error', () => undefined)
      void text(request).then((body) => {
        const { headers, method, url: path } = request
        const call = { method, path, headers, body }
        this.calls.push(call)
        this.answer(response, call)
        for (const { count, resolve } of this.#waiting) if (this.calls.length >= count) resolve()
      })
    })
    this.#server.on('connection', () => {
      this.connections++
    })
  }

  static async listen(): Promise<WebhookSink> {
    const sink = new WebhookSink()
    sink.#server.listen(0, '127.0.0.1')
    await once(sink.#server, 'listening')
    return sink
  }

  get url(): string {
    const address = this.#server.address()
    assert.ok(address !== null && typeof address === 'object')
    return `http://127.0.0.1:${address.port}/hook`
  }

  /** Resolves once so many calls have come. */
  async nthCall(count: number): Promise<SinkCall> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#waiting.push({
      count,
      resolve: () => {
        resolve(undefined)
      },
    })
    if (this.calls.length < count) await promise
    const call = this.calls[count - 1]
    assert.ok(call !== undefined)
    return call
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
