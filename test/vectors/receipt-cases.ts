import { BEGAN_AT, commitment, enveloped, eventOf, inception, publicKey, rotated, signedBy } from './key-log-events.ts'
import type { Change } from './key-log-events.ts'
import { WEAK_POINTS } from './ed25519-points.ts'
import { fromHex, hex, seedOf, sha256 } from './seeds.ts'

const SIGNER = 'witness'
const FIRST = await inception()
const LOG = await rotated(FIRST)
const WITNESS = await inception({
  k: await publicKey(SIGNER),
  n: await commitment('witness rotation'),
})

const RECEIPT = {
  v: 1,
  t: 'rct',
  id: LOG.id,
  sn: 1,
  h: sha256(LOG.last),
  by: WITNESS.id,
  seen: BEGAN_AT + 61_000,
}

/** Receipts with what they say, and such as must be refused, with the reason. */
export async function receiptVectors(): Promise<unknown> {
  return {
    seed: hex(seedOf(SIGNER)),
    key: hex(await publicKey(SIGNER)),
    valid: await Promise.all([
      accepted('of a rotation', {}),
      accepted('of an inception', { sn: 0, h: sha256(FIRST.last) }),
      accepted('of the last event that a log can have', { sn: 63 }),
      accepted('at the epoch', { seen: 0 }),
      accepted('of a log of its own', { by: LOG.id }),
    ]),
    refused: [...(await fields()), ...(await signatures())],
  }
}

async function accepted(name: string, change: Change): Promise<unknown> {
  const { id, sn, h, by, seen } = { ...RECEIPT, ...change }
  const receipt = await signedBy('rct', eventOf({ ...RECEIPT, ...change }), [SIGNER])
  return { name, receipt, says: { id, sn, head: hex(h), by, seenAt: seen } }
}

function fields(): Promise<unknown[]> {
  const cases: [what: string, name: string, change: Change][] = [
    ['unknown version', 'v of 2', { v: 2 }],
    ['unknown version', 'no v', { v: undefined }],
    ['unknown event type', 'a rotation', { t: 'rot' }],
    ['unknown event type', 'no t', { t: undefined }],
    ...['id', 'sn', 'h', 'by', 'seen'].map((name): [string, string, Change] => [
      'missing field',
      `no ${name}`,
      { [name]: undefined },
    ]),
    ['unknown field', 'at', { at: 0 }],
    ['wrong field', 'id of another form', { id: 'kith1' }],
    ['wrong field', 'by as bytes', { by: RECEIPT.h }],
    ['wrong field', 'sn of 64', { sn: 64 }],
    ['wrong field', 'sn negative', { sn: -1 }],
    ['wrong field', 'h of 31 bytes', { h: RECEIPT.h.subarray(1) }],
    ['wrong time', 'seen negative', { seen: -1 }],
    ['wrong time', 'seen after the last time', { seen: 8_640_000_000_000_001 }],
    ['wrong time', 'seen as text', { seen: '0' }],
  ]
  return Promise.all(
    cases.map(async ([what, name, change]) => {
      return { what, name, receipt: await signedBy('rct', eventOf({ ...RECEIPT, ...change }), [SIGNER]) }
    }),
  )
}

async function signatures(): Promise<unknown[]> {
  const bytes = eventOf(RECEIPT)
  const good = await signedBy('rct', bytes, [SIGNER])
  const weak = WEAK_POINTS[0]?.point
  const forged = enveloped(bytes, [`01${'00'.repeat(63)}`])
  return [
    { what: 'event too large', name: '2,049 bytes', receipt: '00'.repeat(2049) },
    { what: 'not canonical', name: 'a byte after it', receipt: `${good}00` },
    { what: 'not a signed event', name: 'the statement alone', receipt: hex(bytes) },
    { what: 'bad signature', name: 'none', receipt: enveloped(bytes, []) },
    { what: 'bad signature', name: 'two', receipt: await signedBy('rct', bytes, [SIGNER, SIGNER]) },
    { what: 'bad signature', name: 'of another key', receipt: await signedBy('rct', bytes, ['thief']) },
    { what: 'bad signature', name: 'of another kind', receipt: await signedBy('rot', bytes, [SIGNER]) },
    {
      what: 'bad signature',
      name: 'of another receipt',
      receipt: enveloped(eventOf({ ...RECEIPT, sn: 2 }), signaturesOf(good)),
    },
    { what: 'bad signature', name: 'under a weak key', receipt: forged, key: weak },
  ]
}

/** The one signature at the end of a signed event, in hex. */
function signaturesOf(signed: string): string[] {
  return [hex(fromHex(signed).subarray(-64))]
}
