/* PROTOCOL.md §7: invites and pairings. */
import { createHmac } from 'node:crypto'
import { read, write } from './cbor.ts'
import type { Value } from './cbor.ts'
import { isSigned, isSound } from './ed25519.ts'
import { readNodeId, sha256, wordsOf } from './ids.ts'
import { Refused } from './refused.ts'

type Check = (value: Value) => boolean

const bytes =
  (length: number): Check =>
  (value) =>
    value instanceof Uint8Array && value.byteLength === length
const integer: Check = (value) => typeof value === 'number' && value >= 0
const texts =
  (min: number, max: number, fits: (text: string) => boolean): Check =>
  (value) =>
    Array.isArray(value) &&
    value.length >= min &&
    value.length <= max &&
    value.every((item) => typeof item === 'string' && fits(item))
const rights: Check = (value) =>
  texts(0, 16, (text) => /^[a-z][a-z.-]{0,31}$/.test(text))(value) &&
  new Set(value as string[]).size === (value as string[]).length
const addresses = (min: number): Check =>
  texts(min, 8, (text) => text.length <= 256 && isAddress(text))
const keyLog: Check = (value) =>
  Array.isArray(value) &&
  value.length >= 1 &&
  value.length <= 64 &&
  value.every((item) => item instanceof Uint8Array && item.byteLength <= 2_048)

const INVITE: Readonly<Record<string, Check>> = {
  v: (value) => value === 1,
  id: (value) => typeof value === 'string' && isNodeId(value),
  k: (value) => value instanceof Uint8Array && isSound(value),
  h: bytes(32),
  sn: integer,
  addresses: addresses(1),
  invite: bytes(16),
  secret: bytes(16),
  exp: (value) => integer(value) && Number(value) <= 8_640_000_000_000_000,
  grants: rights,
}

const MESSAGES: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  propose: {
    commitment: bytes(32),
    log: keyLog,
    addresses: addresses(0),
    grants: rights,
    mac: bytes(32),
  },
  offer: { nonce: bytes(16), log: keyLog, grants: rights, mac: bytes(32) },
  commit: { nonce: bytes(16), sig: bytes(64) },
  done: { sig: bytes(64) },
}

/** What the invite in a link says, read at `now`. @throws {Refused} with the reason that is for a person */
export function readLink(text: string, now: number): Map<string, Value> {
  const [, version, body = ''] = /^kith:\/\/i\/(\d+)\/(.*)$/s.exec(text.replaceAll(/\s/g, '')) ?? []
  if (version === undefined) throw new Refused('not a kith link')
  if (version !== '1') throw new Refused('unknown version')
  if (text.length > 1_024) throw new Refused('damaged')
  const raw = Buffer.from(body, 'base64url')
  if (raw.toString('base64url') !== body) throw new Refused('damaged')
  const [content, invite] = opened(raw, ['b', 's'])
  const { b, s } = Object.fromEntries(content)
  if (!(b instanceof Uint8Array && s instanceof Uint8Array)) throw new Refused('damaged')
  const k = invite.get('k')
  if (!(k instanceof Uint8Array) || !isSigned('invite', b, s, k)) throw new Refused('damaged')
  if (now >= Number(invite.get('exp'))) throw new Refused('expired')
  return invite
}

/** The message of a pairing in these bytes. @throws {Refused} */
export function readPairing(encoded: Uint8Array): Map<string, Value> {
  const message = read(encoded)
  const kind = message instanceof Map ? message.get('t') : undefined
  const keys =
    typeof kind === 'string' && Object.hasOwn(MESSAGES, kind) ? MESSAGES[kind] : undefined
  if (!(message instanceof Map) || keys === undefined) throw new Refused('no message')
  if (!fits(message, { t: () => true, invite: bytes(16), ...keys })) throw new Refused('its keys')
  return message
}

/** The two nodes, and the keys at both ends of the connection. */
export type Parties = Readonly<
  Record<'joiner' | 'joinerPeerId' | 'inviter' | 'inviterPeerId', string>
>

/** T1 to T4 of a propose, an offer and a commit. */
export function transcripts(
  propose: Map<string, Value>,
  offer: Map<string, Value>,
  commit: Map<string, Value>,
  parties: Parties,
): [t1: Uint8Array, t2: Uint8Array, t3: Uint8Array, t4: Uint8Array] {
  const said = (message: Map<string, Value>): [string, Value][] =>
    [...message].filter(([key]) => key !== 'mac')
  const t1 = transcript([...said(propose), ...Object.entries(parties)])
  const t2 = transcript([...said(offer), ['before', t1]])
  const nonce = commit.get('nonce') ?? null
  const t3 = transcript([
    ['t', 'commit'],
    ['nonce', nonce],
    ['before', t2],
  ])
  const t4 = transcript([
    ['t', 'done'],
    ['before', t3],
  ])
  return [t1, t2, t3, t4]
}

export function mac(secret: Uint8Array, over: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', secret).update(over).digest())
}

export function commitmentTo(nonce: Uint8Array): Uint8Array {
  return new Uint8Array(sha256(Buffer.from('kith/pairing-nonce/1'), nonce))
}

export function words(t4: Uint8Array): string[] {
  return wordsOf(sha256(Buffer.from('kith/pairing-words/1'), t4))
}

function transcript(entries: [string, Value][]): Uint8Array {
  const encoded = write(new Map(entries))
  return new Uint8Array(sha256(Buffer.from('kith/pairing/1'), encoded))
}

function opened(
  raw: Uint8Array,
  keys: readonly string[],
): [envelope: Map<string, Value>, invite: Map<string, Value>] {
  try {
    const envelope = read(new Uint8Array(raw))
    if (!(envelope instanceof Map) || envelope.size !== keys.length) throw new Refused('damaged')
    const content = envelope.get('b')
    if (!(content instanceof Uint8Array)) throw new Refused('damaged')
    const invite = read(content)
    if (!(invite instanceof Map)) throw new Refused('damaged')
    const name = invite.get('name')
    if (name !== undefined && !isName(name)) throw new Refused('damaged')
    const others = new Map([...invite].filter(([key]) => key !== 'name'))
    if (!fits(others, INVITE)) throw new Refused('damaged')
    return [envelope, invite]
  } catch {
    throw new Refused('damaged')
  }
}

function fits(map: Map<string, Value>, keys: Readonly<Record<string, Check>>): boolean {
  const all = Object.entries(keys).every(([key, check]) => {
    const value = map.get(key)
    return value !== undefined && check(value)
  })
  return all && map.size === Object.keys(keys).length
}

function isName(value: Value): boolean {
  return (
    typeof value === 'string' &&
    /^[a-z0-9][a-z0-9-]{0,63}$/.test(value) &&
    value !== 'self' &&
    !value.startsWith('kith1')
  )
}

function isNodeId(text: string): boolean {
  try {
    return readNodeId(text).byteLength === 32
  } catch {
    return false
  }
}

/** §6: `/ip4`, `/ip6`, `/dns`, `/dns4` or `/dns6` with `/tcp`, or `/unix` with one escaped part. */
function isAddress(text: string): boolean {
  return /^\/(?:(?:ip4|ip6|dns|dns4|dns6)\/[\w.:-]+\/tcp\/\d{1,5}|unix\/[^/]+)$/.test(text)
}
