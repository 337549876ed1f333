import { damagedBackup } from './manifest.ts'

const NOTHING = new Uint8Array(0)

/** Reads bytes by count from chunks of any length, and holds no more than one chunk. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = NOTHING

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]()
  }

  /** The next bytes, at least one and at most `most`; undefined at the end. */
  async some(most: number): Promise<Uint8Array | undefined> {
    while (this.#chunk.byteLength === 0) {
      const next = await this.#chunks.next()
      if (next.done === true) return undefined
      this.#chunk = next.value
    }
    const bytes = this.#chunk.subarray(0, most)
    this.#chunk = this.#chunk.subarray(bytes.byteLength)
    return bytes
  }

  /** The next `count` bytes, or as many as there are. */
  async upTo(count: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafe(count)
    let filled = 0
    while (filled < count) {
      const some = await this.some(count - filled)
      if (some === undefined) break
      bytes.set(some, filled)
      filled += some.byteLength
    }
    return bytes.subarray(0, filled)
  }

  /** The next `count` bytes. @throws {KithError} `corrupt` when there are fewer */
  async exactly(count: number): Promise<Uint8Array> {
    const bytes = await this.upTo(count)
    if (bytes.byteLength < count) throw damagedBackup('it is cut off')
    return bytes
  }

  /** All that follows, until the source ends. */
  async *rest(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const some = await this.some(Number.MAX_SAFE_INTEGER)
      if (some === undefined) return
      yield some
    }
  }

  /** Lets the source know that no more is read. */
  async close(): Promise<void> {
    await this.#chunks.return?.()
  }
}
