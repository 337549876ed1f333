import { StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import type { Connection, MultiaddrConnection, PeerId, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Random } from '../fuzz/random.ts'
import { SimStream } from './sim-stream.ts'
import { Wire } from './wire.ts'
import type { Item, WireInit } from './wire.ts'

/** So many bytes on their way, and a sender is told to wait. Few, so that it happens. */
const WINDOW_BYTES = 2_048

/** A process on a machine of the network. */
export interface NetworkHost {
  name: string
  /** Multiaddr where it is found. */
  address: string
  /** False once this process is gone. */
  alive: () => boolean
}

export interface ConnectionInit extends Omit<WireInit, 'deliver'> {
  /** Whose end this is. */
  host: NetworkHost
  /** Peer id of the other side. */
  remoteKey: string
  remoteAddr: Multiaddr
  /** What this side does with what concerns it as a whole. */
  on: {
    /** The other side has shown that it has its key. */
    secured?: () => void
    /** Who takes a stream of this protocol that the other side opens. */
    handler: (protocol: string) => ((stream: SimStream) => void) | undefined
    data: (bytes: Uint8Array) => void
    /** It says something. */
    sends: (bytes: Uint8Array) => void
  }
}

/** One end of a connection in memory, as much of libp2p's as a node uses. */
export class SimConnection extends EventTarget {
  readonly host: NetworkHost
  readonly remotePeer: { toString: () => string }
  readonly remoteAddr: Multiaddr
  status: 'open' | 'closed' = 'open'
  readonly #init: ConnectionInit
  readonly #streams = new Map<string, SimStream>()
  /** Protocols in which this side has said something. */
  readonly #spoken = new Set<string>()
  readonly #opening = new Map<string, PromiseWithResolvers<SimStream>>()
  /** What goes to the other side. */
  readonly #wire: Wire
  #full = false
  #other: SimConnection | undefined

  constructor(init: ConnectionInit) {
    super()
    this.#init = init
    this.host = init.host
    this.remotePeer = { toString: () => init.remoteKey }
    this.remoteAddr = init.remoteAddr
    this.#wire = new Wire({
      ...init,
      deliver: (item) => {
        this.#other?.take(item)
        this.#drain()
      },
    })
  }

  /** Makes two ends one connection. */
  join(other: SimConnection): void {
    this.#other = other
    other.#other = this
  }

  get other(): SimConnection | undefined {
    return this.#other
  }

  /** True when nothing can happen here any more. */
  get over(): boolean {
    return this.status === 'closed' && this.#wire.empty
  }

  /** Whether it is open, and this side has said something in this protocol. */
  speaks(protocol: string): boolean {
    return this.status === 'open' && this.#spoken.has(protocol)
  }

  /** This end as libp2p's types have it. */
  get connection(): Connection {
    return this as unknown as Connection
  }

  get multiaddrConnection(): MultiaddrConnection {
    return this as unknown as MultiaddrConnection
  }

  get peerId(): PeerId {
    return this.remotePeer as PeerId
  }

  /** Shows our key, which ends the handshake. */
  secure(): void {
    this.#wire.push({ kind: 'secured' })
  }

  async newStream(protocol: string, options: { signal?: AbortSignal } = {}): Promise<Stream> {
    if (this.status !== 'open') throw new Error('the connection is closed')
    options.signal?.throwIfAborted()
    const opening = Promise.withResolvers<SimStream>()
    this.#opening.set(protocol, opening)
    options.signal?.addEventListener('abort', () => {
      opening.reject(options.signal?.reason as Error)
    })
    this.#wire.push({ kind: 'open', protocol })
    return (await opening.promise) as unknown as Stream
  }

  send(protocol: string, bytes: Uint8Array): boolean {
    if (this.status !== 'open') throw new Error('the connection is closed')
    this.#spoken.add(protocol)
    this.#init.on.sends(bytes)
    for (const part of cut(bytes, this.#init.random)) {
      this.#wire.push({ kind: 'data', protocol, bytes: part })
    }
    this.#full = this.#wire.bytes > WINDOW_BYTES
    return !this.#full
  }

  /** Ends this side at once; the other hears of it later, and not of all that was sent before. */
  abort(error: Error): void {
    if (this.status === 'closed') return
    this.#wire.lose()
    this.#wire.push({ kind: 'end' })
    this.#close(error)
  }

  close(): void {
    this.abort(new Error('closed'))
  }

  /** The network ends the connection, for this side now. */
  break(): void {
    if (!this.host.alive()) return
    this.#wire.lose()
    this.#close(new Error('ECONNRESET'))
  }

  /** The end of the process that had this. Its kernel tells the other side, unless it is gone too. */
  drop(tell: boolean): void {
    this.status = 'closed'
    this.#wire.lose()
    if (tell) this.#wire.push({ kind: 'end' })
  }

  resume(): void {
    this.#wire.resume()
  }

  take(item: Item): void {
    const { on } = this.#init
    if (!this.host.alive()) {
      if (item.kind !== 'end') this.#wire.push({ kind: 'end' })
      return
    }
    if (this.status === 'closed') return
    switch (item.kind) {
      case 'secured':
        on.secured?.()
        break
      case 'open':
        this.#accept(item.protocol)
        break
      case 'opened': {
        const stream = this.#addStream(item.protocol)
        this.#opening.get(item.protocol)?.resolve(stream)
        this.#opening.delete(item.protocol)
        break
      }
      case 'data':
        on.data(item.bytes)
        this.dispatchEvent(new StreamMessageEvent(item.bytes))
        this.#streams.get(item.protocol)?.receive(item.bytes)
        break
      case 'end':
        this.#close(undefined)
        break
    }
  }

  #accept(protocol: string): void {
    const handle = this.#init.on.handler(protocol)
    if (handle === undefined) {
      this.abort(new Error(`nobody speaks ${protocol}`))
      return
    }
    this.#wire.push({ kind: 'opened', protocol })
    handle(this.#addStream(protocol))
  }

  #addStream(protocol: string): SimStream {
    const stream = new SimStream(this, protocol)
    this.#streams.set(protocol, stream)
    return stream
  }

  #drain(): void {
    if (!this.#full || this.#wire.bytes > WINDOW_BYTES || this.status !== 'open') return
    this.#full = false
    for (const stream of this.#streams.values()) stream.drain()
  }

  #close(error: Error | undefined): void {
    if (this.status === 'closed') return
    this.status = 'closed'
    for (const opening of this.#opening.values()) {
      opening.reject(error ?? new Error('the other side hung up'))
    }
    for (const stream of this.#streams.values()) stream.end(error)
    this.dispatchEvent(new StreamCloseEvent(error !== undefined, error))
  }
}

/** `bytes` in one piece, or cut somewhere, as a network may. */
function cut(bytes: Uint8Array, random: Random): Uint8Array[] {
  if (random.below(4) > 0 || bytes.byteLength < 2) return [bytes]
  const at = 1 + random.below(bytes.byteLength - 1)
  return [bytes.subarray(0, at), bytes.subarray(at)]
}
