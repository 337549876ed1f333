import type { Channel, ChannelListeners } from '../../src/node/channel.ts'

/** One end of a stream in memory: what is sent here is heard at the other end, in order, a turn of the loop later. */
export class MemoryChannel implements Channel {
  /** Why this end was aborted, if it was. */
  aborted: Error | undefined
  /** What was sent here, one item for each `send`. */
  readonly sent: Uint8Array[] = []
  readonly #cut: (bytes: Uint8Array) => Uint8Array[]
  #other: MemoryChannel | undefined
  #listeners: ChannelListeners | undefined
  /** What came before anybody listened. */
  #early: ((listeners: ChannelListeners) => void)[] = []
  /** Sent while nobody reads at the other end; undefined while somebody does. */
  #held: Uint8Array[] | undefined
  #open = true

  /** `cut` makes the chunks that arrive out of the bytes of one `send`. */
  constructor(cut: (bytes: Uint8Array) => Uint8Array[]) {
    this.#cut = cut
  }

  join(other: MemoryChannel): void {
    this.#other = other
    other.#other = this
  }

  send(bytes: Uint8Array): boolean {
    if (!this.#open) throw new Error('the channel is closed')
    // As sockets do, so that a sender that writes on in the same buffer is found out.
    const copy = bytes.slice()
    this.sent.push(copy)
    if (this.#held === undefined) this.#pass(copy)
    else this.#held.push(copy)
    return this.#held === undefined
  }

  listen(listeners: ChannelListeners): void {
    this.#listeners = listeners
    for (const event of this.#early) event(listeners)
    this.#early = []
  }

  abort(reason: Error): void {
    if (!this.#open) return
    this.aborted = reason
    this.#close(reason)
    const other = this.#other
    setImmediate(() => {
      if (other !== undefined) other.#close()
    })
  }

  /** As when the peer reads no more: bytes stay here, and `send` says so. */
  block(): void {
    this.#held ??= []
  }

  /** As when the peer reads again. */
  unblock(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const bytes of held) this.#pass(bytes)
    this.#hear((listeners) => {
      listeners.drain()
    })
  }

  #pass(bytes: Uint8Array): void {
    const other = this.#other
    setImmediate(() => {
      if (other === undefined) return
      for (const chunk of this.#cut(bytes)) {
        other.#hear((listeners) => {
          listeners.bytes(chunk)
        })
      }
    })
  }

  #close(reason?: Error): void {
    if (!this.#open) return
    this.#hear((listeners) => {
      listeners.closed(reason)
    })
    this.#open = false
  }

  #hear(event: (listeners: ChannelListeners) => void): void {
    if (!this.#open) return
    if (this.#listeners === undefined) this.#early.push(event)
    else event(this.#listeners)
  }
}

/** The two ends of a stream in memory. */
export function channelPair(
  cut: (bytes: Uint8Array) => Uint8Array[] = (bytes) => [bytes],
): [MemoryChannel, MemoryChannel] {
  const ends: [MemoryChannel, MemoryChannel] = [new MemoryChannel(cut), new MemoryChannel(cut)]
  ends[0].join(ends[1])
  return ends
}

/** Resolves when all that was under way in memory has arrived, and what it caused too. */
export async function settle(turns = 12): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve)
    })
  }
}
