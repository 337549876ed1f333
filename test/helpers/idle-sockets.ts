import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** TCP connections to a port of 127.0.0.1 on which nobody ever says a word. */
export class IdleSockets {
  readonly #port: number
  readonly #sockets: Socket[] = []

  constructor(port: number) {
    this.#port = port
  }

  /** Opens one from this address of our own. Resolves when the system has it; the node may close it at once. */
  async open(from: string): Promise<Socket> {
    const socket = connect({ port: this.#port, host: '127.0.0.1', localAddress: from })
    this.#sockets.push(socket)
    // A refused one is reset, which is no failure of the test.
    socket.on('error', () => undefined)
    // Without a reader, the end of the connection is not seen.
    socket.resume()
    await once(socket, 'connect')
    return socket
  }

  /** Opens `count` from each of these addresses. */
  async flood(addresses: string[], count: number): Promise<Socket[]> {
    const all = addresses.flatMap((from) => Array.from({ length: count }, () => this.open(from)))
    return await Promise.all(all)
  }

  /** Resolves when this one is closed, by whomever. */
  async closed(socket: Socket): Promise<void> {
    if (socket.closed) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    socket.once('close', () => {
      resolve(undefined)
    })
    await promise
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
