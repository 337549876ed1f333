import { prefixBytes, writePrefix } from '../protocol/frame.ts'
import { DRAIN_TIMEOUT_MS, MAX_FRAME_BYTES, MAX_LINK_BACKLOG_BYTES } from '../protocol/limits.ts'

/**
 * Writes frames to a channel: the first of a tick at once, the others together in one buffer at its end, since a
 * cipher call and a socket write for each costs four times as much. Nothing is written while the channel is full.
 */
export class FrameWriter {
  readonly #send: (bytes: Uint8Array) => boolean
  #batch: Uint8Array[] = []
  #batchBytes = 0
  #flushing = false
  #full: { since: number | undefined; drained: PromiseWithResolvers<void> } | undefined

  /** `send` returns false when the channel is full. */
  constructor(send: (bytes: Uint8Array) => boolean) {
    this.#send = send
  }

  /** True when more waits here than a peer that reads would ever leave. */
  get overfull(): boolean {
    return this.#full !== undefined && this.#batchBytes > MAX_LINK_BACKLOG_BYTES
  }

  /** Takes the body of one frame. */
  write(body: Uint8Array): void {
    if (body.byteLength > MAX_FRAME_BYTES) throw new TypeError('a frame that no peer would take')
    this.#batch.push(body)
    this.#batchBytes += prefixBytes(body.byteLength) + body.byteLength
    if (this.#flushing || this.#full !== undefined) return
    this.#flushing = true
    this.#flush()
    setImmediate(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  /** Nothing while the channel takes bytes, else a promise of its drain. */
  drained(): Promise<void> | undefined {
    return this.#full?.drained.promise
  }

  /** Tells that the channel takes bytes again. */
  onDrain(): void {
    this.#full?.drained.resolve()
    this.#full = undefined
    this.#flush()
  }

  /** True when the channel has been full for too long. The first call after it filled starts the count. */
  stalled(now: number): boolean {
    if (this.#full === undefined) return false
    this.#full.since ??= now
    return now - this.#full.since >= DRAIN_TIMEOUT_MS
  }

  /** Throws away what was not sent, and lets those go who wait. */
  close(): void {
    this.#batch = []
    this.#batchBytes = 0
    this.#full?.drained.resolve()
  }

  #flush(): void {
    if (this.#batch.length === 0 || this.#full !== undefined) return
    const buffer = new Uint8Array(this.#batchBytes)
    let at = 0
    for (const body of this.#batch) {
      at = writePrefix(body.byteLength, buffer, at)
      buffer.set(body, at)
      at += body.byteLength
    }
    this.#batch = []
    this.#batchBytes = 0
    if (!this.#send(buffer)) this.#full = { since: undefined, drained: Promise.withResolvers() }
  }
}
