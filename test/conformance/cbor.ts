/*
 * PROTOCOL.md §2. Since a value has exactly one encoding, this reads any form of CBOR that has the shape of a value, and
 * then takes only what its writer would have written.
 */
import { Refused } from './refused.ts'

export type Value = null | boolean | number | string | Uint8Array | Value[] | Map<string, Value>

const MAX_DEPTH = 16
const MAX_ITEMS = 65_536

/** The value that is encoded by `bytes`, all of them. @throws {Refused} */
export function read(bytes: Uint8Array): Value {
  const reader = new Reader(Buffer.from(bytes))
  const value = reader.value(0)
  if (Buffer.compare(write(value), bytes) !== 0) throw new Refused('not its one encoding')
  return value
}

/** The one encoding of a value. */
export function write(value: Value): Uint8Array {
  if (value === null) return Uint8Array.of(0xf6)
  if (typeof value === 'boolean') return Uint8Array.of(value ? 0xf5 : 0xf4)
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return text(value)
  if (value instanceof Uint8Array) return join(head(2, value.byteLength), value)
  if (Array.isArray(value)) return join(head(4, value.length), ...value.map(write))
  const entries = [...value].map(([key, item]) => [text(key), write(item)] as const)
  entries.sort(([a], [b]) => Buffer.compare(a, b))
  return join(head(5, entries.length), ...entries.flat())
}

class Reader {
  readonly #bytes: Buffer
  #at = 0
  #items = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  value(depth: number): Value {
    const first = this.#take(1).readUInt8()
    const [major, info] = [first >> 5, first & 0x1f]
    if (major === 7) return simple(info)
    const argument = this.#argument(info)
    switch (major) {
      case 0:
        return argument
      case 1:
        return safe(-1 - argument)
      case 2:
        return new Uint8Array(this.#take(argument))
      case 3:
        return decodeText(this.#take(argument))
      case 4:
        this.#enter(depth, argument)
        return Array.from({ length: argument }, () => this.value(depth + 1))
      case 5:
        this.#enter(depth, 2 * argument)
        return new Map(Array.from({ length: argument }, () => this.#entry(depth + 1)))
      default:
        throw new Refused('a tag')
    }
  }

  #entry(depth: number): [string, Value] {
    const key = this.value(depth)
    if (typeof key !== 'string' || key === '__proto__') throw new Refused('a key')
    return [key, this.value(depth)]
  }

  #argument(info: number): number {
    if (info < 24) return info
    if (info > 27) throw new Refused('no definite length')
    const digits = this.#take(2 ** (info - 24)).toString('hex')
    return safe(Number(BigInt(`0x${digits}`)))
  }

  #enter(depth: number, items: number): void {
    this.#items += items
    if (depth >= MAX_DEPTH || this.#items > MAX_ITEMS) throw new Refused('too deep or too many')
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.byteLength - this.#at) throw new Refused('cut short')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}

function simple(info: number): null | boolean {
  if (info === 20) return false
  if (info === 21) return true
  if (info === 22) return null
  throw new Refused('a float or another simple value')
}

function safe(value: number): number {
  if (Number.isSafeInteger(value)) return value
  throw new Refused('an integer out of range')
}

function decodeText(bytes: Buffer): string {
  const decoded = bytes.toString('utf8')
  // What is no UTF-8 is replaced, and then no longer has these bytes.
  if (Buffer.compare(Buffer.from(decoded), bytes) !== 0) throw new Refused('no UTF-8')
  return decoded
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value)
  return join(head(3, bytes.byteLength), bytes)
}

function head(major: number, argument: number): Uint8Array {
  if (argument < 24) return Uint8Array.of((major << 5) | argument)
  const info = [2 ** 8, 2 ** 16, 2 ** 32].filter((limit) => argument >= limit).length
  const digits = argument.toString(16).padStart(2 * 2 ** info, '0')
  return join(Uint8Array.of((major << 5) | (24 + info)), Buffer.from(digits, 'hex'))
}

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
