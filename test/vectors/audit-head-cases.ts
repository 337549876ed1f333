import { WEAK_POINTS } from './ed25519-points.ts'
import { BEGAN_AT, commitment, enveloped, eventOf, inception, publicKey, signedBy } from './key-log-events.ts'
import type { Change } from './key-log-events.ts'
import { fromHex, hex, seedOf } from './seeds.ts'

const SIGNER = 'who keeps a log'
const OWNER = await inception({
  k: await publicKey(SIGNER),
  n: await commitment('rotation key of who keeps a log'),
})

const ENTRY = fromHex('5a'.repeat(32))
const LAST_SEQ = 9_007_199_254_740_991

const HEAD = {
  v: 1,
  t: 'audit-head',
  id: OWNER.id,
  sn: 0,
  seq: 1_000,
  h: ENTRY,
  first: 1,
  at: BEGAN_AT + 61_000,
}

/** Heads of audit logs with what they say, and such as must be refused, with the reason. */
export async function auditHeadVectors(): Promise<unknown> {
  return {
    seed: hex(seedOf(SIGNER)),
    key: hex(await publicKey(SIGNER)),
    valid: await Promise.all([
      accepted('of a log of a thousand entries', {}),
      accepted('of the first entry', { seq: 1 }),
      accepted('of an entry that was pruned', { seq: 12, first: 13 }),
      accepted('with all before it pruned', { first: 1_000 }),
      accepted('of the last entry that there can be', { seq: LAST_SEQ }),
      accepted('by the last key of a log', { sn: 63 }),
      accepted('at the epoch', { at: 0 }),
    ]),
    refused: [...(await fields()), ...(await signatures())],
  }
}

async function accepted(name: string, change: Change): Promise<unknown> {
  const { at, first, h, id, seq, sn } = { ...HEAD, ...change }
  return { name, head: await made(change), says: { id, sn, seq, hash: hex(h), first, at } }
}

function fields(): Promise<unknown[]> {
  const cases: [what: string, name: string, change: Change][] = [
    ['unknown version', 'v of 2', { v: 2 }],
    ['unknown version', 'no v', { v: undefined }],
    ['unknown event type', 'a bye', { t: 'bye' }],
    ['unknown event type', 'no t', { t: undefined }],
    ...['id', 'sn', 'seq', 'h', 'first', 'at'].map((name): [string, string, Change] => [
      'missing field',
      `no ${name}`,
      { [name]: undefined },
    ]),
    ['unknown field', 'why', { why: 'routine' }],
    ['wrong field', 'id of another form', { id: 'kith1' }],
    ['wrong field', 'sn of 64', { sn: 64 }],
    ['wrong field', 'sn negative', { sn: -1 }],
    ['wrong field', 'seq of 0', { seq: 0 }],
    ['wrong field', 'seq as text', { seq: '1' }],
    ['wrong field', 'h of 31 bytes', { h: fromHex('5a'.repeat(31)) }],
    ['wrong field', 'h as text', { h: '5a' }],
    ['wrong field', 'first of 0', { first: 0 }],
    ['wrong field', 'first beyond the next', { first: 1_002 }],
    ['wrong time', 'at negative', { at: -1 }],
    ['wrong time', 'at after the last time', { at: 8_640_000_000_000_001 }],
  ]
  return Promise.all(
    cases.map(async ([what, name, change]) => ({ what, name, head: await made(change) })),
  )
}

async function signatures(): Promise<unknown[]> {
  const bytes = eventOf(HEAD)
  const good = await made({})
  const forged = enveloped(bytes, [`01${'00'.repeat(63)}`])
  const kind = 'audit-head'
  return [
    { what: 'event too large', name: '2,049 bytes', head: '00'.repeat(2049) },
    { what: 'not canonical', name: 'a byte after it', head: `${good}00` },
    { what: 'not a signed event', name: 'the statement alone', head: hex(bytes) },
    { what: 'bad signature', name: 'none', head: enveloped(bytes, []) },
    { what: 'bad signature', name: 'two', head: await signedBy(kind, bytes, [SIGNER, SIGNER]) },
    { what: 'bad signature', name: 'of another key', head: await signedBy(kind, bytes, ['thief']) },
    { what: 'bad signature', name: 'of another kind', head: await signedBy('rct', bytes, [SIGNER]) },
    {
      what: 'bad signature',
      name: 'of an earlier head',
      head: enveloped(eventOf({ ...HEAD, seq: 1_001 }), [hex(fromHex(good).subarray(-64))]),
    },
    { what: 'bad signature', name: 'under a weak key', head: forged, key: WEAK_POINTS[0]?.point },
  ]
}

function made(change: Change): Promise<string> {
  return signedBy('audit-head', eventOf({ ...HEAD, ...change }), [SIGNER])
}
