import {
  type CborValue,
  BYTES,
  TEXT,
  ARRAY,
  MAP,
  UNSIGNED,
  NEGATIVE,
  TRUE,
  FALSE,
  NULL,
  SHORT_TEXT,
} from './cbor-format.ts'
import { MAX_CBOR_DEPTH, MAX_CBOR_ITEMS } from './limits.ts'

/** First byte, 8 bytes of argument. */
const MAX_HEAD_BYTES = 9

/** Room that an encoder keeps between values. */
const SCRATCH_BYTES = 65_536

/** Writes one value after another, as `encode` in `cbor.ts` says. */
export class Encoder {
  // A value is written here first, as its size is known only at its end, and then copied out.
  #out = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  #at = 0
  #items = 0

  encode(value: CborValue): Uint8Array {
    this.#at = 0
    this.#items = 0
    this.#value(value, 0)
    const copy = Buffer.allocUnsafe(this.#at)
    this.#out.copy(copy, 0, 0, this.#at)
    if (this.#out.byteLength > SCRATCH_BYTES) this.#out = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
    // No Buffer leaves this file: its slice() is a view, where a Uint8Array's is a copy.
    return new Uint8Array(copy.buffer, copy.byteOffset, copy.byteLength)
  }

  #value(value: CborValue, depth: number): void {
    if (typeof value === 'string') {
      this.#text(value)
    } else if (typeof value === 'number') {
      if (!Number.isSafeInteger(value)) throw new TypeError(`${value} is no safe integer`)
      if (value < 0) this.#head(NEGATIVE, -1 - value)
      else this.#head(UNSIGNED, value)
    } else if (typeof value === 'boolean') {
      this.#byte(value ? TRUE : FALSE)
    } else if (value === null) {
      this.#byte(NULL)
    } else if (value instanceof Uint8Array) {
      this.#head(BYTES, value.byteLength)
      this.#reserve(value.byteLength)
      this.#out.set(value, this.#at)
      this.#at += value.byteLength
    } else if (typeof value === 'object') {
      if (depth >= MAX_CBOR_DEPTH) throw new TypeError(`nested deeper than ${MAX_CBOR_DEPTH}`)
      if (Array.isArray(value)) this.#array(value, depth)
      else this.#map(value, depth)
    } else {
      throw new TypeError(`a ${typeof value} has no encoding`)
    }
  }

  #array(items: CborValue[], depth: number): void {
    this.#count(items.length)
    this.#head(ARRAY, items.length)
    for (const item of items) this.#value(item, depth + 1)
  }

  #map(map: Record<string, CborValue>, depth: number): void {
    const prototype: unknown = Object.getPrototypeOf(map)
    if (prototype !== Object.prototype && prototype !== null) {
      throw new TypeError('an instance of a class has no encoding')
    }
    const keys = canonicalKeys(map)
    this.#count(2 * keys.length)
    this.#head(MAP, keys.length)
    for (const key of keys) {
      if (key === '__proto__') throw new TypeError('a key __proto__ has no encoding')
      this.#text(key)
      this.#value(map[key] as CborValue, depth + 1)
    }
  }

  #text(text: string): void {
    const start = this.#at
    if (text.length < SHORT_TEXT) {
      this.#reserve(SHORT_TEXT)
      this.#out[this.#at++] = TEXT | text.length
      if (this.#shortAscii(text)) return
      this.#at = start
    }
    if (!text.isWellFormed()) throw new TypeError('a lone surrogate has no encoding')
    const length = Buffer.byteLength(text)
    this.#head(TEXT, length)
    this.#reserve(length)
    this.#out.write(text, this.#at, 'utf8')
    this.#at += length
  }

  #shortAscii(text: string): boolean {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) return false
      this.#out[this.#at++] = code
    }
    return true
  }

  /** Writes a first byte and its argument in the fewest bytes. */
  #head(major: number, argument: number): void {
    this.#reserve(MAX_HEAD_BYTES)
    const out = this.#out
    if (argument < 24) {
      out[this.#at++] = major | argument
    } else if (argument < 0x100) {
      out[this.#at++] = major | 24
      out[this.#at++] = argument
    } else if (argument < 0x1_0000) {
      out[this.#at++] = major | 25
      this.#at = out.writeUInt16BE(argument, this.#at)
    } else if (argument < 0x1_0000_0000) {
      out[this.#at++] = major | 26
      this.#at = out.writeUInt32BE(argument, this.#at)
    } else {
      out[this.#at++] = major | 27
      this.#at = out.writeUInt32BE(Math.floor(argument / 0x1_0000_0000), this.#at)
      this.#at = out.writeUInt32BE(argument % 0x1_0000_0000, this.#at)
    }
  }

  #byte(byte: number): void {
    this.#reserve(1)
    this.#out[this.#at++] = byte
  }

  #count(items: number): void {
    this.#items += items
    if (this.#items > MAX_CBOR_ITEMS) throw new TypeError(`more than ${MAX_CBOR_ITEMS} items`)
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#out.byteLength) return
    const larger = Buffer.allocUnsafeSlow(2 * (this.#at + bytes))
    this.#out.copy(larger, 0, 0, this.#at)
    this.#out = larger
  }
}

/** Keys of `map`, shorter in UTF-8 first, then by byte. */
function canonicalKeys(map: Record<string, CborValue>): string[] {
  const keys = Object.keys(map)
  const compare = keys.every(isAscii) ? compareAscii : compareUtf8
  return isSorted(keys, compare) ? keys : keys.sort(compare)
}

/** Most maps are written in order already, and a look is cheaper than a sort. */
function isSorted(keys: string[], compare: (a: string, b: string) => number): boolean {
  let before: string | undefined
  for (const key of keys) {
    if (before !== undefined && compare(before, key) > 0) return false
    before = key
  }
  return true
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

function compareAscii(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1)
}

function compareUtf8(a: string, b: string): number {
  return (
    Buffer.byteLength(a) - Buffer.byteLength(b) || Buffer.compare(Buffer.from(a), Buffer.from(b))
  )
}
