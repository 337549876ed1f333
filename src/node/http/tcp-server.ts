import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { KithError } from '../../protocol/errors.ts'
import { assertSafeBind } from './bind.ts'
import type { Exposure } from './bind.ts'

/** Most connections at once; one more takes the place of another. */
const MAX_CONNECTIONS = 64

/** A request's head has so many bytes and headers at most. */
const MAX_HEADER_BYTES = 16_384
const MAX_HEADERS = 64

/** The head of a request is in after this long, all of it after the second: whoever is slower is cut off. */
const HEADERS_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 30_000
const KEEP_ALIVE_MS = 5_000
const CHECK_MS = 1_000

/** How long a stop waits for answers under way. */
const STOP_GRACE_MS = 1_000

/** What reads requests and answers them. */
export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void

/** An HTTP server on one TCP address, with bounds on all that somebody can do without a token. */
export class TcpServer {
  readonly #server: Server
  /** Each open socket, and by whose right requests came over it. */
  readonly #sockets = new Map<Socket, Set<string>>()
  #displaced = 0

  constructor(listener: RequestListener) {
    this.#server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: CHECK_MS,
      },
      listener,
    )
    this.#server.maxHeadersCount = MAX_HEADERS
    this.#server.on('connection', (socket) => {
      this.#makeRoom()
      this.#sockets.set(socket, new Set())
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /**
   * Listens on this IP address. What is checked is the address that the socket really has.
   *
   * @throws {KithError} `unsafe-bind`, `cannot-listen`
   */
  async listen(host: string, port: number, exposure: Exposure): Promise<AddressInfo> {
    assertSafeBind(host, exposure)
    const server = this.#server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port, exclusive: true }, () => {
        server.off('error', reject)
        resolve()
      })
    }).catch((cause: unknown) => {
      const addresses = `${host}:${port}`
      throw new KithError(
        'cannot-listen',
        `http cannot listen on ${addresses}`,
        { addresses },
        { cause },
      )
    })
    const address = this.address
    try {
      assertSafeBind(address.address, exposure)
    } catch (err) {
      await this.stop()
      throw err
    }
    return address
  }

  get address(): AddressInfo {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new TypeError('it does not listen')
    return address
  }

  /** Connections that are open, and how many were closed because there were too many. */
  get counts(): { open: number; displaced: number } {
    return { open: this.#sockets.size, displaced: this.#displaced }
  }

  /** Notes by whose right a request came over `socket`. */
  hold(socket: Socket, by: string): void {
    this.#sockets.get(socket)?.add(by)
  }

  /** Cuts every connection over which somebody came who has no right any more, whatever still goes over it. */
  cut(holds: (by: string) => boolean): void {
    for (const [socket, rights] of this.#sockets) {
      if ([...rights].some((by) => !holds(by))) socket.destroy()
    }
  }

  /**
   * Closes the oldest connection of those without a right, else of whoever has most: neither strangers nor the holder
   * of one token can keep all others out.
   */
  #makeRoom(): void {
    if (this.#sockets.size < MAX_CONNECTIONS) return
    const byHolder = Map.groupBy(this.#sockets, ([, rights]) => [...rights].join())
    const most = [...byHolder.values()].reduce((a, b) => (b.length > a.length ? b : a))
    const [socket] = (byHolder.get('') ?? most)[0] ?? []
    if (socket === undefined) return
    this.#displaced++
    this.#sockets.delete(socket)
    socket.destroy()
  }

  /** Resolves when nobody is connected. */
  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      const hangUp = setTimeout(() => {
        this.#server.closeAllConnections()
      }, STOP_GRACE_MS)
      this.#server.close(() => {
        clearTimeout(hangUp)
        resolve()
      })
      this.#server.closeIdleConnections()
    })
  }
}
