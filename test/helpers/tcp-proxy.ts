import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** Stands between a dialling node and a listening one, and does what networks do: swallow, reset, cut. */
export class TcpProxy {
  /** Bytes that went to the listening node and came back from it. */
  readonly bytes = { there: 0, back: 0 }
  readonly #server: Server
  readonly #pairs = new Set<[Socket, Socket]>()
  #swallow = false

  private constructor(server: Server, port: number, from: string) {
    this.#server = server
    server.on('connection', (near) => {
      this.#join(near, connect({ port, host: '127.0.0.1', localAddress: from }))
    })
  }

  /** One to this port, where what comes through it seems to come from that address of ours. */
  static async to(port: number, from = '127.0.0.1'): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new TcpProxy(server, port, from)
  }

  get address(): string {
    return `/ip4/127.0.0.1/tcp/${(this.#server.address() as AddressInfo).port}`
  }

  /** From now on the connections that are up carry nothing and stay open: their other end has lost its network. */
  blackHole(): void {
    for (const [near, far] of this.#pairs) {
      near.removeAllListeners('data').pause()
      far.removeAllListeners('data').pause()
    }
  }

  /** From now on new connections are taken and carry nothing. */
  swallow(on: boolean): void {
    this.#swallow = on
  }

  /** Ends every connection with an RST at both sides. */
  reset(): void {
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
  }

  async stop(): Promise<void> {
    this.#server.close()
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
    await once(this.#server, 'close')
  }

  #join(near: Socket, far: Socket): void {
    const pair: [Socket, Socket] = [near, far]
    this.#pairs.add(pair)
    if (!this.#swallow) {
      near.on('data', (chunk) => {
        this.bytes.there += chunk.byteLength
        far.write(chunk)
      })
      far.on('data', (chunk) => {
        this.bytes.back += chunk.byteLength
        near.write(chunk)
      })
    }
    const ends: [Socket, Socket][] = [
      [near, far],
      [far, near],
    ]
    for (const [one, other] of ends) {
      // An RST is passed on as one; 'close' tells of every other end.
      one.on('error', () => {
        other.resetAndDestroy()
      })
      one.on('close', () => {
        this.#pairs.delete(pair)
        other.destroySoon()
      })
    }
  }
}
