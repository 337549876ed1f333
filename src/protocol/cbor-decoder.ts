import {
  type CborValue,
  BYTES,
  TEXT,
  ARRAY,
  MAP,
  UNSIGNED,
  NEGATIVE,
  TAG,
  TRUE,
  FALSE,
  NULL,
  SHORT_TEXT,
} from './cbor-format.ts'
import { KithError } from './errors.ts'
import { MAX_CBOR_DEPTH, MAX_CBOR_ITEMS } from './limits.ts'

/** Smallest argument that needs 1, 2, 4 or 8 bytes of its own. */
const LEAST_ARGUMENTS = [24, 0x100, 0x1_0000, 0x1_0000_0000]

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads one value strictly, as `decode` in `cbor.ts` says. */
export class Decoder {
  readonly #bytes: Uint8Array
  #at = 0
  #items = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  decode(): CborValue {
    const value = this.#value(0)
    if (this.#at < this.#bytes.byteLength) throw malformed('trailing bytes', this.#at)
    return value
  }

  #value(depth: number): CborValue {
    const start = this.#at
    const first = this.#next()
    switch (first & 0xe0) {
      case UNSIGNED:
        return this.#argument(first, start)
      case NEGATIVE:
        return this.#negative(first, start)
      case BYTES:
        return this.#byteString(this.#argument(first, start))
      case TEXT:
        return this.#text(this.#argument(first, start))
      case ARRAY:
        return this.#array(this.#argument(first, start), depth, start)
      case MAP:
        return this.#map(this.#argument(first, start), depth, start)
      case TAG:
        throw malformed('tag', start)
      default:
        return simple(first, start)
    }
  }

  #negative(first: number, start: number): number {
    const value = -1 - this.#argument(first, start)
    if (!Number.isSafeInteger(value)) throw malformed('integer out of range', start)
    return value
  }

  #array(length: number, depth: number, start: number): CborValue[] {
    this.#enter(length, depth, start)
    const items: CborValue[] = []
    for (let i = 0; i < length; i++) items.push(this.#value(depth + 1))
    return items
  }

  #map(length: number, depth: number, start: number): Record<string, CborValue> {
    this.#enter(2 * length, depth, start)
    const map: Record<string, CborValue> = {}
    let before = 0
    for (let i = 0; i < length; i++) {
      const at = this.#at
      const key = this.#key(at)
      if (i > 0) this.#checkOrder(before, at)
      before = at
      map[key] = this.#value(depth + 1)
    }
    return map
  }

  #key(start: number): string {
    const first = this.#next()
    if ((first & 0xe0) !== TEXT) throw malformed('key is no string', start)
    const key = this.#text(this.#argument(first, start))
    // Assigning it would set the prototype instead.
    if (key === '__proto__') throw malformed('forbidden key', start)
    return key
  }

  /** Compares two encoded keys as they stand: a shortest head is the smaller, the shorter its key. */
  #checkOrder(before: number, key: number): void {
    for (let i = 0; key + i < this.#at; i++) {
      const difference = (this.#bytes[key + i] ?? 0) - (this.#bytes[before + i] ?? 0)
      if (difference > 0) return
      if (difference < 0) throw malformed('key order', key)
    }
    throw malformed('duplicate key', key)
  }

  #byteString(length: number): Uint8Array {
    return this.#view(this.#skip(length), length)
  }

  #text(length: number): string {
    const start = this.#skip(length)
    if (length < SHORT_TEXT) {
      const text = shortAscii(this.#bytes, start, length)
      if (text !== undefined) return text
    }
    try {
      return utf8.decode(this.#view(start, length))
    } catch {
      throw malformed('invalid utf-8', start)
    }
  }

  #view(start: number, length: number): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, length)
  }

  /** Steps over the next `length` bytes, if there are so many, and says where they start. */
  #skip(length: number): number {
    const start = this.#at
    if (length > this.#bytes.byteLength - start) throw malformed('truncated', start)
    this.#at += length
    return start
  }

  /** The argument of a head: a length, or an integer. */
  #argument(first: number, start: number): number {
    const info = first & 0x1f
    if (info < 24) return info
    if (info > 27) throw malformed('indefinite or reserved length', start)
    let argument = 0
    for (let i = 1 << (info - 24); i > 0; i--) argument = argument * 0x100 + this.#next()
    if (argument < (LEAST_ARGUMENTS[info - 24] ?? 0)) throw malformed('longer than needed', start)
    if (argument > Number.MAX_SAFE_INTEGER) throw malformed('integer out of range', start)
    return argument
  }

  #next(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw malformed('truncated', this.#at)
    this.#at++
    return byte
  }

  /** Counts what a container says it holds, before any of it is read or allocated. */
  #enter(items: number, depth: number, start: number): void {
    if (depth >= MAX_CBOR_DEPTH) throw malformed('too deep', start)
    this.#items += items
    if (this.#items > MAX_CBOR_ITEMS) throw malformed('too many items', start)
  }
}

function simple(first: number, start: number): null | boolean {
  if (first === NULL) return null
  if (first === TRUE) return true
  if (first === FALSE) return false
  throw malformed('float or simple value', start)
}

// Short texts read before, each in the slot of its hash: keys and verbs repeat, and comparing one is
// cheaper than making it anew. A text that is not there, or was pushed out, only costs its making.
const SEEN_SLOTS = 512
const seen = new Array<string>(SEEN_SLOTS).fill('')

/** The text in these bytes, or undefined if they are not all ASCII. */
function shortAscii(bytes: Uint8Array, start: number, length: number): string | undefined {
  let hash = 0
  for (let i = start; i < start + length; i++) {
    const byte = bytes[i] ?? 0
    if (byte > 0x7f) return undefined
    hash = (hash * 31 + byte) % SEEN_SLOTS
  }
  const known = seen[hash]
  if (known?.length === length && matches(known, bytes, start)) return known
  const text = utf8.decode(bytes.subarray(start, start + length))
  seen[hash] = text
  return text
}

function matches(text: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false
  return true
}

function malformed(what: string, offset: number): KithError<'malformed'> {
  return new KithError('malformed', `${what} at byte ${offset}`, { what, offset })
}
