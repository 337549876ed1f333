import { StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'

/** What a stream needs of the connection that it is part of. */
export interface StreamCarrier {
  /** Sends bytes of a stream to the other side. False when the next ones should wait. @throws when it is closed */
  send(stream: string, bytes: Uint8Array): boolean
}

/** One end of a stream in memory, as much of libp2p's as a node uses. */
export class SimStream extends EventTarget {
  readonly protocol: string
  /** What libp2p's readers want of a stream beside its events. */
  readonly log = { error: (): void => undefined }
  readonly readBufferLength = 0
  remoteWriteStatus: 'writable' | 'closed' = 'writable'
  readonly #carrier: StreamCarrier
  /** What came before anybody listened. */
  #early: Uint8Array[] | undefined = []

  constructor(carrier: StreamCarrier, protocol: string) {
    super()
    this.#carrier = carrier
    this.protocol = protocol
  }

  /** Takes what libp2p's streams take: bytes, or a list of them. */
  send(data: Uint8Array | { subarray(): Uint8Array }): boolean {
    if (this.remoteWriteStatus === 'closed') throw new Error('the stream is closed')
    return this.#carrier.send(this.protocol, data.subarray().slice())
  }

  push(): void {
    throw new TypeError('nobody pushes back what was read')
  }

  closeRead(): void {
    throw new TypeError('nobody closes one half of a stream')
  }

  /** Ends this side; whoever does so ends the connection too. */
  abort(error: Error): void {
    this.end(error)
  }

  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    super.addEventListener(...args)
    const early = this.#early
    if (args[0] !== 'message' || early === undefined) return
    this.#early = undefined
    for (const bytes of early) this.receive(bytes)
  }

  receive(bytes: Uint8Array): void {
    if (this.remoteWriteStatus === 'closed') return
    if (this.#early === undefined) this.dispatchEvent(new StreamMessageEvent(bytes))
    else this.#early.push(bytes)
  }

  drain(): void {
    this.dispatchEvent(new Event('drain'))
  }

  end(error?: Error): void {
    if (this.remoteWriteStatus === 'closed') return
    this.remoteWriteStatus = 'closed'
    this.dispatchEvent(new StreamCloseEvent(error !== undefined, error))
  }
}
