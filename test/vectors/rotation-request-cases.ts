import { WEAK_POINTS } from './ed25519-points.ts'
import { wordsOf } from './id-cases.ts'
import { BEGAN_AT, enveloped, eventOf, inception, publicKey, rotated, signedBy } from './key-log-events.ts'
import type { Change } from './key-log-events.ts'
import { fromHex, hex, seedOf, sha256 } from './seeds.ts'
import { signature } from './signed-cases.ts'

const SIGNER = 'key in force'
const LOG = await inception()
const MINUTE_MS = 60_000

const REQUEST = {
  v: 1,
  t: 'rotation-request',
  id: LOG.id,
  sn: 1,
  p: sha256(LOG.last),
  k: await publicKey('key 1'),
  why: 'routine',
  grace: 86_400,
  at: BEGAN_AT + MINUTE_MS,
}

const STOLEN = { why: 'compromise', grace: 0 }

/** Requests with what they say and how they are written as text, and such as must be refused; endorsements as text. */
export async function rotationRequestVectors(): Promise<unknown> {
  return {
    seed: hex(seedOf(SIGNER)),
    key: hex(await publicKey(SIGNER)),
    valid: await Promise.all([
      accepted('routine', {}),
      accepted('routine, without grace', { grace: 0 }),
      accepted('of a stolen key', STOLEN),
      accepted('of a key stolen at a known time', { ...STOLEN, lastGood: BEGAN_AT }),
      accepted('of a key stolen just now', { ...STOLEN, lastGood: REQUEST.at }),
      accepted('of the last rotation that a log can have', { sn: 61 }),
    ]),
    refused: [...(await fields()), ...(await signatures())],
    endorsed: [await endorsed()],
  }
}

async function accepted(name: string, change: Change): Promise<unknown> {
  const says: Record<string, unknown> = { ...REQUEST, ...change }
  const statement = eventOf(says)
  const request = await signedBy('rotation-request', statement, [SIGNER])
  delete says['v']
  delete says['t']
  return {
    name,
    request,
    text: `kith://r/1/${base64url(request)}`,
    words: wordsOf(sha256(Buffer.concat([Buffer.from('kith/rotation-words/1'), statement])), 8),
    says: { ...says, p: hex(REQUEST.p), k: hex(REQUEST.k) },
  }
}

/** What the holder of the rotation key gives back: the event of the request, with `N` and `n`, and its signature. */
async function endorsed(): Promise<unknown> {
  const { last } = await rotated(LOG)
  const made = await signature('rot', hex(last), seedOf(LOG.rotation))
  return {
    name: 'of the first one',
    bytes: hex(last),
    signature: made,
    text: `kith://e/1/${base64url(made + hex(last))}`,
  }
}

function fields(): Promise<unknown[]> {
  const names = ['id', 'sn', 'p', 'k', 'why', 'grace', 'at']
  const cases: [what: string, name: string, change: Change][] = [
    ['unknown version', 'v of 2', { v: 2 }],
    ['unknown version', 'no v', { v: undefined }],
    ['unknown event type', 'a rotation', { t: 'rot' }],
    ['unknown event type', 'no t', { t: undefined }],
    ...names.map((name): [string, string, Change] => [
      'missing field',
      `no ${name}`,
      { [name]: undefined },
    ]),
    ['unknown field', 'N, which the rotation key brings', { N: REQUEST.k }],
    ['wrong field', 'id of another form', { id: 'kith1' }],
    ['wrong field', 'sn of 0', { sn: 0 }],
    ['wrong field', 'sn of 62', { sn: 62 }],
    ['wrong field', 'p of 31 bytes', { p: REQUEST.p.subarray(1) }],
    ['wrong field', 'k as text', { k: hex(REQUEST.k) }],
    ['wrong field', 'another why', { why: 'recovery' }],
    ['wrong field', 'more than a week of grace', { grace: 604_801 }],
    ['wrong field', 'grace of a stolen key', { ...STOLEN, grace: 1 }],
    ['wrong field', 'lastGood of a routine one', { lastGood: BEGAN_AT }],
    ['wrong time', 'at negative', { at: -1 }],
    ['wrong time', 'at after the last time', { at: 8_640_000_000_000_001 }],
    ['wrong time', 'lastGood negative', { ...STOLEN, lastGood: -1 }],
    ['wrong time', 'lastGood after at', { ...STOLEN, lastGood: REQUEST.at + 1 }],
  ]
  return Promise.all(
    cases.map(async ([what, name, change]) => ({ what, name, request: await made(change) })),
  )
}

async function signatures(): Promise<unknown[]> {
  const bytes = eventOf(REQUEST)
  const good = await made({})
  const kind = 'rotation-request'
  const forged = enveloped(bytes, [`01${'00'.repeat(63)}`])
  return [
    { what: 'event too large', name: '2,049 bytes', request: '00'.repeat(2049) },
    { what: 'not canonical', name: 'a byte after it', request: `${good}00` },
    { what: 'not a signed event', name: 'the statement alone', request: hex(bytes) },
    { what: 'bad signature', name: 'none', request: enveloped(bytes, []) },
    { what: 'bad signature', name: 'two', request: await signedBy(kind, bytes, [SIGNER, SIGNER]) },
    { what: 'bad signature', name: 'of another key', request: await signedBy(kind, bytes, ['thief']) },
    { what: 'bad signature', name: 'of another kind', request: await signedBy('rot', bytes, [SIGNER]) },
    {
      what: 'bad signature',
      name: 'of another request',
      request: enveloped(eventOf({ ...REQUEST, sn: 2 }), [hex(fromHex(good).subarray(-64))]),
    },
    {
      what: 'bad signature',
      name: 'by the key to come',
      request: await signedBy(kind, bytes, ['key 1']),
    },
    { what: 'bad signature', name: 'under a weak key', request: forged, key: WEAK_POINTS[0]?.point },
  ]
}

function made(change: Change): Promise<string> {
  return signedBy('rotation-request', eventOf({ ...REQUEST, ...change }), [SIGNER])
}

function base64url(hexText: string): string {
  return Buffer.from(hexText, 'hex').toString('base64url')
}
