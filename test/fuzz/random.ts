import { encode, decode } from '../../src/protocol/cbor.ts'
import type { CborValue } from '../../src/protocol/cbor.ts'

/** Bytes that sit on an edge of something: heads of CBOR, bits of a varint, ends of ranges. */
const EDGES = [
  0x00, 0x01, 0x17, 0x18, 0x19, 0x1b, 0x40, 0x5f, 0x60, 0x7f, 0x80, 0x9f, 0xa0, 0xf7, 0xff,
]

const VALUES: readonly CborValue[] = [
  null,
  true,
  0,
  1,
  -1,
  Number.MAX_SAFE_INTEGER,
  '',
  'x'.repeat(65),
  'constructor',
  '\u{1f600}'.repeat(60),
  new Uint8Array(0),
  new Uint8Array(32),
  [],
  [[[[]]]],
  {},
  { extra: 1 },
]

/** Chance that is the same for the same seed (mulberry32, Tommy Ettinger 2017). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** An integer in [0, below). */
  below(below: number): number {
    return Math.floor(this.next() * below)
  }

  of<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new TypeError('nothing to choose from')
    return item
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }
}

/** `bytes` after a few changes: of single bytes, of stretches, or of what they mean. */
export function mutate(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  let changed = bytes
  for (let left = 1 + random.below(4); left > 0; left--)
    changed = mutateOnce(random, changed, other)
  return changed
}

function mutateOnce(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const at = random.below(bytes.byteLength + 1)
  const end = Math.min(bytes.byteLength, at + random.below(9))
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(end)]
  switch (random.below(8)) {
    case 0:
      return Buffer.concat([before, random.bytes(end - at), after])
    case 1:
      return Buffer.concat([before, Uint8Array.of(random.of(EDGES)), bytes.subarray(at + 1)])
    case 2:
      return Buffer.concat([before, Uint8Array.of(random.of(EDGES)), bytes.subarray(at)])
    case 3:
      return Buffer.concat([before, after])
    case 4:
      return Buffer.concat([before, bytes.subarray(at, end), bytes.subarray(at)])
    case 5:
      return Buffer.concat([before, other.subarray(random.below(other.byteLength + 1))])
    case 6:
      return before
    default:
      return mutateValue(random, bytes)
  }
}

/** The encoding of the value in `bytes` with one part of it replaced; `bytes` as they are if they hold none. */
function mutateValue(random: Random, bytes: Uint8Array): Uint8Array {
  try {
    return encode(replacePart(random, decode(bytes)))
  } catch {
    return bytes
  }
}

function replacePart(random: Random, value: CborValue): CborValue {
  if (random.below(4) === 0 || typeof value !== 'object' || value === null) return random.of(VALUES)
  if (value instanceof Uint8Array) return mutateValue(random, value)
  if (Array.isArray(value)) {
    const at = random.below(value.length + 1)
    return value.toSpliced(at, random.below(2), replacePart(random, value[at] ?? null))
  }
  const keys = Object.keys(value)
  const key = keys.length === 0 || random.below(6) === 0 ? 'added' : random.of(keys)
  if (random.below(6) === 0) {
    return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))
  }
  return { ...value, [key]: replacePart(random, value[key] ?? null) }
}
