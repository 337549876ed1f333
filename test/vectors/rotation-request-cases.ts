import { wordsOf } from './id-cases.ts'
import { BEGAN_AT, eventOf, inception, publicKey, rotated } from './key-log-events.ts'
import type { Change } from './key-log-events.ts'
import { hex, seedOf, sha256 } from './seeds.ts'
import { signature } from './signed-cases.ts'
import { StatementCases } from './statement-cases.ts'

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

const CASES = new StatementCases({
  kind: 'rotation-request',
  as: 'request',
  signer: SIGNER,
  good: REQUEST,
})

/** Requests with what they say and how they are written as text, and such as must be refused; endorsements as text. */
export async function rotationRequestVectors(): Promise<unknown> {
  const vectors = await CASES.vectors({
    valid: [
      accepted('routine', {}),
      accepted('routine, without grace', { grace: 0 }),
      accepted('of a stolen key', STOLEN),
      accepted('of a key stolen at a known time', { ...STOLEN, lastGood: BEGAN_AT }),
      accepted('of a key stolen just now', { ...STOLEN, lastGood: REQUEST.at }),
      accepted('of the last rotation that a log can have', { sn: 61 }),
    ],
    refused: [
      ...CASES.misfits({ t: 'rot', name: 'a rotation' }),
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
    ],
    not: { kind: 'rot', name: 'of another request', change: { sn: 2 } },
    signedBy: { 'by the key to come': 'key 1' },
  })
  return { ...vectors, endorsed: [await endorsed()] }
}

async function accepted(name: string, change: Change): Promise<unknown> {
  const { t, v, ...says } = { ...REQUEST, ...change }
  const statement = eventOf({ v, t, ...says })
  const request = await CASES.made(change)
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

function base64url(hexText: string): string {
  return Buffer.from(hexText, 'hex').toString('base64url')
}
