import { decode, encode } from './cbor.ts'
import type { CborValue } from './cbor.ts'
import { KithError, isWireCode } from './errors.ts'
import type { WireCode } from './errors.ts'

/** Anything a body may be: checked by the verb's own schema, not here. */
export type Body = CborValue

/** First frame of each side. */
export interface Hello {
  t: 'hello'
  /** The sender's clock, in ms since the epoch. */
  at: number
  /** Sequence number of the newest event of the sender's key log. */
  sn: number
  /** How often the sender's node has started: a lower one than before means an old copy of it runs. */
  epoch: number
  /** Name and version of the sender's program. */
  software: string
  /** Link versions the sender speaks, lowest and highest. */
  versions: [number, number]
}

/** Asks for something. `id` is chosen by the caller and unique among its calls on this link. */
export interface Call {
  t: 'call'
  id: number
  body: Body
  verb: string
  /** How long the caller waits, in ms from now: relative, so that clocks need not agree. */
  deadlineMs: number
}

/** A piece of a reply. `seq` rises by one within what it is a piece of. */
export interface Event {
  t: 'event'
  id: number
  seq: number
  body: Body
}

/** The call's good end. */
export interface End {
  t: 'end'
  id: number
  body: Body
}

/** The call's bad end. */
export interface Fail {
  t: 'fail'
  id: number
  code: WireCode
  details: { [key: string]: Body }
}

/** The caller no longer wants the reply. The answerer still ends the call, with whichever end is due. */
export interface Cancel {
  t: 'cancel'
  id: number
}

export type Message = Hello | Call | Event | End | Fail | Cancel

/** Longest verb name and software name, in characters. */
const MAX_NAME_CHARS = 64

/**
 * The bytes of a message, ready to be framed. Keys are written here in canonical order (shorter first, then by
 * byte), which spares the encoder a sort for each frame.
 */
export function encodeMessage(message: Message): Uint8Array {
  switch (message.t) {
    case 'hello': {
      const { t, at, sn, epoch, software, versions } = message
      return encode({ t, at, sn, epoch, software, versions })
    }
    case 'call': {
      const { t, id, body, verb, deadlineMs } = message
      return encode({ t, id, body, verb, deadlineMs })
    }
    case 'event': {
      const { t, id, seq, body } = message
      return encode({ t, id, seq, body })
    }
    case 'end':
      return encode({ t: message.t, id: message.id, body: message.body })
    case 'fail': {
      const { t, id, code, details } = message
      return encode({ t, id, code, details })
    }
    case 'cancel':
      return encode({ t: message.t, id: message.id })
  }
}

/**
 * The message in a frame's body. A code of a newer version that we do not know reads as `internal`.
 *
 * @throws {KithError} `malformed` for bytes or shapes that are no message.
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const value = decode(bytes)
  if (!isMap(value)) throw noMessage('not a map')
  switch (value['t']) {
    case 'hello':
      assertKeys(value, 6)
      return {
        t: 'hello',
        at: uint(value, 'at'),
        sn: uint(value, 'sn'),
        epoch: uint(value, 'epoch'),
        software: name(value, 'software'),
        versions: versions(value),
      }
    case 'call':
      assertKeys(value, 5)
      return {
        t: 'call',
        id: uint(value, 'id'),
        body: body(value),
        verb: name(value, 'verb'),
        deadlineMs: uint(value, 'deadlineMs'),
      }
    case 'event':
      assertKeys(value, 4)
      return { t: 'event', id: uint(value, 'id'), seq: uint(value, 'seq'), body: body(value) }
    case 'end':
      assertKeys(value, 3)
      return { t: 'end', id: uint(value, 'id'), body: body(value) }
    case 'fail':
      assertKeys(value, 4)
      return { t: 'fail', id: uint(value, 'id'), ...failure(value) }
    case 'cancel':
      assertKeys(value, 2)
      return { t: 'cancel', id: uint(value, 'id') }
    default:
      throw noMessage('unknown kind')
  }
}

type CborMap = { [key: string]: CborValue }

/** True for a map, which is neither null nor an array nor bytes. */
export function isMap(value: CborValue | undefined): value is CborMap {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
  )
}

/** The shape is exact: every key that a kind has is read by name, so the count settles that there is no other. */
function assertKeys(map: CborMap, count: number): void {
  if (Object.keys(map).length !== count) throw noMessage('missing or unknown keys')
}

function uint(map: CborMap, key: string): number {
  const value = map[key]
  if (typeof value !== 'number' || value < 0) throw noMessage(key)
  return value
}

function name(map: CborMap, key: string): string {
  const value = map[key]
  if (typeof value !== 'string' || value.length > MAX_NAME_CHARS) throw noMessage(key)
  return value
}

function body(map: CborMap): CborValue {
  const value = map['body']
  if (value === undefined) throw noMessage('body')
  return value
}

function versions(map: CborMap): [number, number] {
  const value = map['versions']
  if (!Array.isArray(value) || value.length !== 2) throw noMessage('versions')
  const [min, max] = value
  if (typeof min !== 'number' || typeof max !== 'number' || min < 0 || min > max) {
    throw noMessage('versions')
  }
  return [min, max]
}

function failure(map: CborMap): { code: WireCode; details: CborMap } {
  const code = name(map, 'code')
  const details = map['details']
  if (!isMap(details)) throw noMessage('details')
  if (isWireCode(code)) return { code, details }
  return { code: 'internal', details: { incident: code } }
}

function noMessage(what: string): KithError<'malformed'> {
  return new KithError('malformed', `not a message: ${what}`, { what })
}
