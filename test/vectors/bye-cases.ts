import { WEAK_POINTS } from './ed25519-points.ts'
import { BEGAN_AT, commitment, enveloped, eventOf, inception, publicKey, signedBy } from './key-log-events.ts'
import type { Change } from './key-log-events.ts'
import { fromHex, hex, seedOf } from './seeds.ts'

const SIGNER = 'who leaves'
const FROM = await inception({
  k: await publicKey(SIGNER),
  n: await commitment('rotation key of who leaves'),
})
const TO = await inception()

const BYE = { v: 1, t: 'bye', from: FROM.id, to: TO.id, at: BEGAN_AT + 61_000 }

/** Byes with what they say, and such as must be refused, with the reason. */
export async function byeVectors(): Promise<unknown> {
  return {
    seed: hex(seedOf(SIGNER)),
    key: hex(await publicKey(SIGNER)),
    valid: await Promise.all([
      accepted('to a peer', {}),
      accepted('at the epoch', { at: 0 }),
      accepted('at the last time', { at: 8_640_000_000_000_000 }),
      accepted('to itself, which a receiver does not take', { to: FROM.id }),
    ]),
    refused: [...(await fields()), ...(await signatures())],
  }
}

async function accepted(name: string, change: Change): Promise<unknown> {
  const { from, to, at } = { ...BYE, ...change }
  return { name, bye: await made(change), says: { from, to, at } }
}

function fields(): Promise<unknown[]> {
  const cases: [what: string, name: string, change: Change][] = [
    ['unknown version', 'v of 2', { v: 2 }],
    ['unknown version', 'no v', { v: undefined }],
    ['unknown event type', 'a receipt', { t: 'rct' }],
    ['unknown event type', 'no t', { t: undefined }],
    ...['from', 'to', 'at'].map((name): [string, string, Change] => [
      'missing field',
      `no ${name}`,
      { [name]: undefined },
    ]),
    ['unknown field', 'why', { why: 'routine' }],
    ['wrong field', 'from of another form', { from: 'kith1' }],
    ['wrong field', 'to in upper case', { to: TO.id.toUpperCase() }],
    ['wrong field', 'to null', { to: null }],
    ['wrong time', 'at negative', { at: -1 }],
    ['wrong time', 'at after the last time', { at: 8_640_000_000_000_001 }],
    ['wrong time', 'at as text', { at: '0' }],
  ]
  return Promise.all(
    cases.map(async ([what, name, change]) => ({ what, name, bye: await made(change) })),
  )
}

async function signatures(): Promise<unknown[]> {
  const bytes = eventOf(BYE)
  const good = await made({})
  const forged = enveloped(bytes, [`01${'00'.repeat(63)}`])
  return [
    { what: 'event too large', name: '2,049 bytes', bye: '00'.repeat(2049) },
    { what: 'not canonical', name: 'a byte after it', bye: `${good}00` },
    { what: 'not a signed event', name: 'the statement alone', bye: hex(bytes) },
    { what: 'bad signature', name: 'none', bye: enveloped(bytes, []) },
    { what: 'bad signature', name: 'two', bye: await signedBy('bye', bytes, [SIGNER, SIGNER]) },
    { what: 'bad signature', name: 'of another key', bye: await signedBy('bye', bytes, ['thief']) },
    { what: 'bad signature', name: 'of another kind', bye: await signedBy('rct', bytes, [SIGNER]) },
    {
      what: 'bad signature',
      name: 'of an earlier bye',
      bye: enveloped(eventOf({ ...BYE, at: BYE.at + 1 }), [hex(fromHex(good).subarray(-64))]),
    },
    { what: 'bad signature', name: 'under a weak key', bye: forged, key: WEAK_POINTS[0]?.point },
  ]
}

function made(change: Change): Promise<string> {
  return signedBy('bye', eventOf({ ...BYE, ...change }), [SIGNER])
}
