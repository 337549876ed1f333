import { encode } from '@ipld/dag-cbor'
import { getPublicKeyAsync } from '@noble/ed25519'
import { base32 } from 'multiformats/bases/base32'
import { fromHex, hex, seedOf, sha256 } from './seeds.ts'
import { signature } from './signed-cases.ts'

/** When the first event of each log was made; each later one a minute after the one before. */
export const BEGAN_AT = 1_767_225_600_000

/** Fields of an event that are not as they should be. Undefined: the field is left out. */
export type Change = Record<string, unknown>

/** A key log in the making. Keys are the names of their seeds. */
export interface Branch {
  id: string
  /** Signed events, in hex. */
  events: string[]
  /** Encoding of the last event. */
  last: Uint8Array
  key: string
  rotation: string
  recovery: string
}

/** What is not as usual about an event. */
export interface Unusual {
  change?: Change
  /** Names of the new key and the new rotation key. */
  key?: string
  rotation?: string
  recovery?: string
  /** Names of those who sign. */
  signers?: string[]
}

const ID_HEAD = 'kith1'

export function publicKey(name: string): Promise<Uint8Array> {
  return getPublicKeyAsync(seedOf(name))
}

/** What a log has of a key that it does not show yet. */
export async function commitment(name: string): Promise<Uint8Array> {
  return sha256(await publicKey(name))
}

/** A log of one event. */
export async function inception(change: Change = {}): Promise<Branch> {
  const [key, rotation, recovery] = ['key in force', 'next key', 'recovery key']
  const event = eventOf({
    v: 1,
    t: 'icp',
    sn: 0,
    k: await publicKey(key),
    n: await commitment(rotation),
    r: await commitment(recovery),
    w: 72,
    at: BEGAN_AT,
    nonce: seedOf('nonce').subarray(0, 16),
    ...change,
  })
  const id = ID_HEAD + base32.baseEncode(sha256(event))
  return { id, events: [await signedBy('icp', event, [key])], last: event, key, rotation, recovery }
}

/** The log with a rotation, routine unless `change` says otherwise. */
export async function rotated(before: Branch, unusual: Unusual = {}): Promise<Branch> {
  const { change = {} } = unusual
  const sn = before.events.length
  const { key = `key ${sn}`, rotation = `rotation key ${sn}` } = unusual
  const event = eventOf({
    ...later('rot', before),
    N: await publicKey(before.rotation),
    k: await publicKey(key),
    n: await commitment(rotation),
    why: 'routine',
    grace: 86_400,
    ...change,
  })
  const usual = [before.rotation, key, ...('why' in change ? [] : [before.key])]
  return follow(before, 'rot', event, unusual.signers ?? usual, { key, rotation })
}

/** Fields of a rotation because a key was stolen. */
export const COMPROMISE: Change = { why: 'compromise', grace: 0 }

/** The log with a recovery. To undo events, pass the branch that ends before them. */
export async function recovered(before: Branch, unusual: Unusual = {}): Promise<Branch> {
  const sn = before.events.length
  const { key = `recovered key ${sn}`, rotation = `recovered rotation key ${sn}` } = unusual
  const { recovery = `recovered recovery key ${sn}` } = unusual
  const event = eventOf({
    ...later('rec', before),
    R: await publicKey(before.recovery),
    k: await publicKey(key),
    n: await commitment(rotation),
    r: await commitment(recovery),
    ...unusual.change,
  })
  const signers = unusual.signers ?? [before.recovery, key]
  return follow(before, 'rec', event, signers, { key, rotation, recovery })
}

/** The log with its end, by the key of this name. */
export async function retired(
  before: Branch,
  by = before.rotation,
  unusual: Unusual = {},
): Promise<Branch> {
  const event = eventOf({
    ...later('end', before),
    by: await publicKey(by),
    ...unusual.change,
  })
  return follow(before, 'end', event, unusual.signers ?? [by])
}

/** The log with this event as it is. */
export async function follow(
  before: Branch,
  kind: string,
  event: Uint8Array,
  signers: string[],
  keys: Partial<Branch> = {},
): Promise<Branch> {
  const events = [...before.events, await signedBy(kind, event, signers)]
  return { ...before, ...keys, events, last: event }
}

/** The encoding of an event, without the fields that are undefined. */
export function eventOf(fields: Change): Uint8Array {
  return encode(
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
  )
}

/** A signed event, in hex. */
export async function signedBy(kind: string, event: Uint8Array, names: string[]): Promise<string> {
  return enveloped(
    event,
    await Promise.all(names.map((name) => signature(kind, hex(event), seedOf(name)))),
  )
}

/** An event and signatures, in hex, as a signed event. */
export function enveloped(event: Uint8Array, made: string[]): string {
  return hex(encode({ e: event, s: made.map(fromHex) }))
}

function later(kind: string, before: Branch): Change {
  const sn = before.events.length
  return { v: 1, t: kind, id: before.id, sn, p: sha256(before.last), at: BEGAN_AT + sn * 60_000 }
}
