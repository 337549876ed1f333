import { Decoder } from './cbor-decoder.ts'
import { Encoder } from './cbor-encoder.ts'
import type { CborValue } from './cbor-format.ts'

export type { CborValue } from './cbor-format.ts'

// One for all: an encoding runs to its end before another can begin.
const encoder = new Encoder()

/**
 * The one encoding of `value` in our part of DAG-CBOR (ipld.io/specs/codecs/dag-cbor): no floats, no
 * tags, integers within ±(2^53−1), lengths in the fewest bytes, shorter keys first, then by byte.
 * Its `buffer` may be shared with other encodings, as that of a small `Buffer` is.
 *
 * @throws {TypeError} for what has no encoding that `decode` takes back: a fraction, undefined, a
 *   lone surrogate, an instance of a class, a key `__proto__`, too many items or too deep a nesting.
 */
export function encode(value: CborValue): Uint8Array {
  return encoder.encode(value)
}

/**
 * The value whose encoding is exactly `bytes`. Byte strings in it are views on `bytes`, not copies.
 *
 * @throws {KithError} `malformed` for whatever `encode` would not have written.
 */
export function decode(bytes: Uint8Array): CborValue {
  return new Decoder(bytes).decode()
}
