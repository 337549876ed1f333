/* PROTOCOL.md §8: frames and messages. */
import { read } from './cbor.ts'
import type { Value } from './cbor.ts'
import { Refused } from './refused.ts'

const MAX_FRAME_BYTES = 1_048_576
const MAX_PREFIX_BYTES = 3

/** The varint that stands before a body of so many bytes. */
export function prefix(bodyBytes: number): Uint8Array {
  if (bodyBytes < 128) return Uint8Array.of(bodyBytes)
  return Uint8Array.of((bodyBytes % 128) | 128, ...prefix(Math.floor(bodyBytes / 128)))
}

/** The bodies of the frames in `bytes`, which end with a frame. @throws {Refused} */
export function readFrames(bytes: Uint8Array): Uint8Array[] {
  const bodies: Uint8Array[] = []
  for (let at = 0; at < bytes.byteLength;) {
    const [length, prefixBytes] = readLength(bytes.subarray(at))
    at += prefixBytes + length
    if (at > bytes.byteLength) throw new RangeError('a frame that is not all there')
    bodies.push(bytes.subarray(at - length, at))
  }
  return bodies
}

function readLength(bytes: Uint8Array): [length: number, prefixBytes: number] {
  let length = 0
  for (const [place, byte] of bytes.entries()) {
    length += (byte % 128) * 128 ** place
    if (length > MAX_FRAME_BYTES) throw new Refused('too large')
    if (byte < 128) {
      if (length === 0 || prefix(length).byteLength !== place + 1) throw new Refused('a length')
      return [length, place + 1]
    }
    if (place + 1 === MAX_PREFIX_BYTES) throw new Refused('a length of too many bytes')
  }
  throw new RangeError('a length that is not all there')
}

const isInteger = (value: Value | undefined): boolean => typeof value === 'number' && value >= 0
const isName = (value: Value | undefined): boolean =>
  typeof value === 'string' && value.length <= 64

/** What each key holds. */
const KEYS: Readonly<Record<string, (value: Value | undefined) => boolean>> = {
  at: isInteger,
  sn: isInteger,
  epoch: isInteger,
  id: isInteger,
  seq: isInteger,
  deadlineMs: isInteger,
  software: isName,
  verb: isName,
  code: isName,
  body: (value) => value !== undefined,
  details: (value) => value instanceof Map,
  versions: (value) => {
    if (!Array.isArray(value) || value.length !== 2 || !value.every(isInteger)) return false
    return Number(value[0]) <= Number(value[1])
  },
}

/** The keys of each kind, beside `t`. */
const KINDS: ReadonlyMap<Value | undefined, readonly string[]> = new Map([
  ['hello', ['at', 'sn', 'epoch', 'software', 'versions']],
  ['call', ['id', 'verb', 'body', 'deadlineMs']],
  ['event', ['id', 'seq', 'body']],
  ['end', ['id', 'body']],
  ['fail', ['id', 'code', 'details']],
  ['cancel', ['id']],
])

/** The message in the body of a frame. @throws {Refused} */
export function readMessage(bytes: Uint8Array): Map<string, Value> {
  const message = read(bytes)
  if (!(message instanceof Map)) throw new Refused('no map')
  const keys = KINDS.get(message.get('t'))
  if (keys === undefined) throw new Refused('an unknown kind')
  const fits = keys.every((key) => KEYS[key]?.(message.get(key)) === true)
  if (!fits || message.size !== keys.length + 1) throw new Refused('its keys')
  return message
}
