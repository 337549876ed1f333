/** What a message, or anything signed or hashed, is made of. */
export type CborValue =
  null | boolean | number | string | Uint8Array | CborValue[] | { [key: string]: CborValue }

/** Major types (RFC 8949 §3.1), in the upper three bits of an item's first byte. */
export const UNSIGNED = 0x00
export const NEGATIVE = 0x20
export const BYTES = 0x40
export const TEXT = 0x60
export const ARRAY = 0x80
export const MAP = 0xa0
export const TAG = 0xc0

/** The only simple values we take (RFC 8949 §3.3). */
export const FALSE = 0xf4
export const TRUE = 0xf5
export const NULL = 0xf6

/**
 * Text below this length is written and read by a loop, which is faster here than a call into the runtime.
 * Its length fits in its first byte.
 */
export const SHORT_TEXT = 24
