/* PROTOCOL.md §5: the shape of events and receipts, rules 3 to 11. */
import { read } from './cbor.ts'
import type { Value } from './cbor.ts'
import { readNodeId } from './ids.ts'
import { Refused } from './refused.ts'

/** What a key holds: so many bytes, an integer from and to, or a thing with a name. */
export type Field = number | readonly [min: number, max: number] | 'integer' | 'node id' | 'text'

export interface Kind {
  /** Keys beside `v`, `t` and the times. */
  fields: Readonly<Record<string, Field>>
  /** Keys that hold points in time, none of them before the one to its left. */
  times: readonly string[]
  /** Which of the times may be left out. */
  optional?: string
  /** What else fields must be. */
  fits?: (statement: Statement) => boolean
}

/** A statement that has the shape of its kind. */
export interface Statement {
  kind: string
  content: Uint8Array
  signatures: Uint8Array[]
  has: (name: string) => boolean
  text: (name: string) => string
  integer: (name: string) => number
  bytes: (name: string) => Uint8Array
  hex: (name: string) => string
}

/** @throws {Refused} with the name of the first rule that refuses */
export function readStatement(
  signed: Uint8Array,
  kinds: Readonly<Record<string, Kind>>,
): Statement {
  const { content, signatures } = readSigned(signed)
  const map = canonical(content)
  if (!(map instanceof Map) || map.get('v') !== 1) throw new Refused('unknown version')
  const name = map.get('t')
  const kind = typeof name === 'string' && Object.hasOwn(kinds, name) ? kinds[name] : undefined
  if (typeof name !== 'string' || kind === undefined) throw new Refused('unknown event type')

  const { fields, fits, optional, times } = kind
  const known = ['v', 't', ...Object.keys(fields), ...times]
  if (known.some((key) => key !== optional && !map.has(key))) throw new Refused('missing field')
  if ([...map.keys()].some((key) => !known.includes(key))) throw new Refused('unknown field')

  const statement = statementOf(name, content, signatures, map)
  const wrong = Object.entries(fields).some(([key, field]) => !isField(field, map.get(key)))
  if (wrong || fits?.(statement) === false) throw new Refused('wrong field')

  const points = times.filter((key) => map.has(key)).map((key) => map.get(key))
  if (!points.every((point) => isField([0, 8_640_000_000_000_000], point)))
    throw new Refused('wrong time')
  if (Number(points.at(-1)) < Number(points[0])) throw new Refused('wrong time')
  return statement
}

function readSigned(signed: Uint8Array): { content: Uint8Array; signatures: Uint8Array[] } {
  if (signed.byteLength > 2_048) throw new Refused('event too large')
  const envelope = canonical(signed)
  if (!(envelope instanceof Map) || envelope.size !== 2) throw new Refused('not a signed event')
  const [content, signatures] = [envelope.get('e'), envelope.get('s')]
  const isSignature = (item: Value): item is Uint8Array =>
    item instanceof Uint8Array && item.byteLength === 64
  if (!(content instanceof Uint8Array && Array.isArray(signatures))) {
    throw new Refused('not a signed event')
  }
  if (!signatures.every(isSignature)) throw new Refused('not a signed event')
  return { content, signatures }
}

function isField(field: Field, value: Value | undefined): boolean {
  if (field === 'text') return typeof value === 'string'
  if (field === 'node id') return typeof value === 'string' && isNodeId(value)
  if (typeof field === 'number') return value instanceof Uint8Array && value.byteLength === field
  const [min, max] = field === 'integer' ? [0, Infinity] : field
  return typeof value === 'number' && min <= value && value <= max
}

function isNodeId(text: string): boolean {
  try {
    readNodeId(text)
    return true
  } catch {
    return false
  }
}

function statementOf(
  kind: string,
  content: Uint8Array,
  signatures: Uint8Array[],
  map: Map<string, Value>,
): Statement {
  const bytes = (name: string): Uint8Array => {
    const value = map.get(name)
    return value instanceof Uint8Array ? value : new Uint8Array()
  }
  return {
    kind,
    content,
    signatures,
    has: (name) => map.has(name),
    text: (name) => {
      const value = map.get(name)
      return typeof value === 'string' ? value : ''
    },
    integer: (name) => Number(map.get(name)),
    bytes,
    hex: (name) => Buffer.from(bytes(name)).toString('hex'),
  }
}

function canonical(bytes: Uint8Array): Value {
  try {
    return read(bytes)
  } catch {
    throw new Refused('not canonical')
  }
}
