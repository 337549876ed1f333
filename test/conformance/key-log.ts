/* PROTOCOL.md §5. */
import { read } from './cbor.ts'
import type { Value } from './cbor.ts'
import { isSigned, isSound } from './ed25519.ts'
import { nodeId, sha256 } from './ids.ts'
import { Refused } from './refused.ts'

/** What a valid log says. */
export interface State {
  id: string
  sn: number
  head: Uint8Array
  keyInForce: Uint8Array
  next: Uint8Array
  recovery: Uint8Array
  windowHours: number
}

interface Inception {
  content: Uint8Array
  signatures: Uint8Array[]
  sn: number
  k: Uint8Array
  n: Uint8Array
  r: Uint8Array
  w: number
}

const FIELDS = ['v', 't', 'sn', 'k', 'n', 'r', 'w', 'at', 'nonce']

/** @throws {Refused} with the name of the first rule that refuses */
export function validate(log: readonly Uint8Array[], expectedId?: string): State {
  if (log.length > 64) throw new Refused('too many events')
  const [first, ...later] = log.map(readEvent)
  if (first === undefined) throw new Refused('empty log')
  const id = nodeId(first.content)
  if (expectedId !== undefined && expectedId !== id) throw new Refused('wrong id')
  if (first.sn !== 0) throw new Refused('wrong sequence number')
  checkKeys(first)
  const [second] = later
  if (second !== undefined && second.sn !== 1) throw new Refused('wrong sequence number')
  if (second !== undefined) throw new Refused('inception not first')
  const { content, k, n, r, sn, w } = first
  return { id, sn, head: sha256(content), keyInForce: k, next: n, recovery: r, windowHours: w }
}

function readEvent(bytes: Uint8Array): Inception {
  if (bytes.byteLength > 2_048) throw new Refused('event too large')
  const envelope = canonical(bytes)
  if (!(envelope instanceof Map) || envelope.size !== 2) throw new Refused('not a signed event')
  const [content, signatures] = [envelope.get('e'), envelope.get('s')]
  const isSignature = (item: Value): item is Uint8Array =>
    item instanceof Uint8Array && item.byteLength === 64
  if (!(content instanceof Uint8Array && Array.isArray(signatures))) {
    throw new Refused('not a signed event')
  }
  if (!signatures.every(isSignature)) throw new Refused('not a signed event')
  return { content, signatures, ...readInception(canonical(content)) }
}

function readInception(event: Value): Omit<Inception, 'content' | 'signatures'> {
  if (!(event instanceof Map) || event.get('v') !== 1) throw new Refused('unknown version')
  if (event.get('t') !== 'icp') throw new Refused('unknown event type')
  if (FIELDS.some((name) => !event.has(name))) throw new Refused('missing field')
  if (event.size > FIELDS.length) throw new Refused('unknown field')
  const integer = (name: string, min: number, max: number, what = 'wrong field'): number => {
    const value = event.get(name)
    if (typeof value === 'number' && min <= value && value <= max) return value
    throw new Refused(what)
  }
  const bytes = (name: string, length: number): Uint8Array => {
    const value = event.get(name)
    if (value instanceof Uint8Array && value.byteLength === length) return value
    throw new Refused('wrong field')
  }
  const inception = {
    sn: integer('sn', 0, Infinity),
    k: bytes('k', 32),
    n: bytes('n', 32),
    r: bytes('r', 32),
    w: integer('w', 1, 720),
  }
  bytes('nonce', 16)
  integer('at', 0, Infinity, 'wrong time')
  return inception
}

function checkKeys({ content, k, n, r, signatures }: Inception): void {
  if (!isSound(k)) throw new Refused('weak key')
  const hashes = [sha256(k), n, r].map((hash) => Buffer.from(hash).toString('hex'))
  if (new Set(hashes).size < 3) throw new Refused('keys not distinct')
  const [signature, ...others] = signatures
  if (signature === undefined || others.length > 0) throw new Refused('bad signature')
  if (!isSigned('icp', content, signature, k)) throw new Refused('bad signature')
}

function canonical(bytes: Uint8Array): Value {
  try {
    return read(bytes)
  } catch {
    throw new Refused('not canonical')
  }
}
