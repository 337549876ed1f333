import { KithError } from './errors.ts'
import { MAX_FRAME_BYTES, MAX_FRAME_PREFIX_BYTES } from './limits.ts'

/*
 * A frame is `unsigned varint length | body`, the length-prefix of multiformats' unsigned-varint:
 * seven bits a byte, least significant first, the high bit set on all but the last.
 */

/** Bytes of the length prefix of a body this long. */
export function prefixBytes(bodyBytes: number): number {
  if (bodyBytes < 0x80) return 1
  return bodyBytes < 0x4000 ? 2 : 3
}

/**
 * Writes the prefix of a body of `bodyBytes` into `into` at `offset`, and returns where the body starts.
 *
 * @throws {KithError} `too-large`
 */
export function writePrefix(bodyBytes: number, into: Uint8Array, offset: number): number {
  assertFits(bodyBytes)
  let rest = bodyBytes
  let at = offset
  while (rest >= 0x80) {
    into[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[at++] = rest
  return at
}

/** Frames `body`. @throws {KithError} `too-large` */
export function encodeFrame(body: Uint8Array): Uint8Array {
  assertFits(body.byteLength)
  const frame = new Uint8Array(prefixBytes(body.byteLength) + body.byteLength)
  frame.set(body, writePrefix(body.byteLength, frame, 0))
  return frame
}

/** Takes bytes as they come and gives the bodies that are complete. Holds one frame at most. */
export class FrameDecoder {
  readonly #limitBytes: number
  #partial: Uint8Array | undefined
  /** Bytes of `#partial` that are filled; its whole length is known once its prefix was read. */
  #filled = 0
  #prefix = 0
  #prefixRead = 0

  constructor(limitBytes = MAX_FRAME_BYTES) {
    this.#limitBytes = limitBytes
  }

  /** True when no frame is half read: the only place where a stream may end. */
  get idle(): boolean {
    return this.#partial === undefined && this.#prefixRead === 0
  }

  /**
   * The bodies that end in `chunk`, in order. A body that lies in one chunk is a view of it.
   *
   * @throws {KithError} `too-large` as soon as a prefix says so, before any of its body is kept;
   *   `malformed` for a prefix that is not in its shortest form or is no length at all.
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const bodies: Uint8Array[] = []
    let at = 0
    while (at < chunk.byteLength) {
      if (this.#partial === undefined) {
        const length = this.#readPrefix(chunk[at++] ?? 0)
        if (length === undefined) continue
        if (chunk.byteLength - at >= length) {
          bodies.push(chunk.subarray(at, at + length))
          at += length
          continue
        }
        this.#partial = new Uint8Array(length)
        this.#filled = 0
      }
      const partial = this.#partial
      const taken = Math.min(partial.byteLength - this.#filled, chunk.byteLength - at)
      partial.set(chunk.subarray(at, at + taken), this.#filled)
      at += taken
      this.#filled += taken
      if (this.#filled === partial.byteLength) {
        bodies.push(partial)
        this.#partial = undefined
      }
    }
    return bodies
  }

  #readPrefix(byte: number): number | undefined {
    this.#prefix |= (byte & 0x7f) << (7 * this.#prefixRead++)
    if (this.#prefix > this.#limitBytes) {
      throw tooLarge(this.#prefix, this.#limitBytes)
    }
    if ((byte & 0x80) !== 0) {
      if (this.#prefixRead < MAX_FRAME_PREFIX_BYTES) return undefined
      throw new KithError('malformed', 'a frame length of too many bytes', { what: 'frame length' })
    }
    // A last byte of zero adds nothing: the same length had a shorter form.
    if (byte === 0) {
      throw new KithError('malformed', 'a frame length that is zero or not in its shortest form', {
        what: 'frame length',
      })
    }
    const length = this.#prefix
    this.#prefix = 0
    this.#prefixRead = 0
    return length
  }
}

function assertFits(bytes: number): void {
  if (bytes > MAX_FRAME_BYTES) throw tooLarge(bytes, MAX_FRAME_BYTES)
}

function tooLarge(bytes: number, limitBytes: number): KithError<'too-large'> {
  return new KithError('too-large', `a frame of ${bytes} bytes, over the limit of ${limitBytes}`, {
    bytes,
    limitBytes,
  })
}
