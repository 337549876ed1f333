import { WEAK_POINTS } from './ed25519-points.ts'
import { BEGAN_AT, commitment, enveloped, eventOf, inception, publicKey, signedBy } from './key-log-events.ts'
import type { Change } from './key-log-events.ts'
import { fromHex, hex, seedOf, sha256 } from './seeds.ts'

const SIGNER = 'who backs up'
const NODE = await inception({
  k: await publicKey(SIGNER),
  n: await commitment('rotation key of who backs up'),
})

const STATEMENT = {
  v: 1,
  t: 'backup',
  id: NODE.id,
  sn: 0,
  h: sha256(new TextEncoder().encode('{"format": "kith-backup"}')),
  at: BEGAN_AT + 61_000,
}

/** Backup statements with what they say, and such as must be refused, with the reason. */
export async function backupStatementVectors(): Promise<unknown> {
  return {
    seed: hex(seedOf(SIGNER)),
    key: hex(await publicKey(SIGNER)),
    valid: await Promise.all([
      accepted('of a node with one key', {}),
      accepted('after the last event that a log can have', { sn: 63 }),
      accepted('at the epoch', { at: 0 }),
      accepted('at the last time', { at: 8_640_000_000_000_000 }),
    ]),
    refused: [...(await fields()), ...(await signatures())],
  }
}

async function accepted(name: string, change: Change): Promise<unknown> {
  const { at, h, id, sn } = { ...STATEMENT, ...change }
  return { name, statement: await made(change), says: { id, sn, manifest: hex(h), at } }
}

function fields(): Promise<unknown[]> {
  const cases: [what: string, name: string, change: Change][] = [
    ['unknown version', 'v of 2', { v: 2 }],
    ['unknown version', 'no v', { v: undefined }],
    ['unknown event type', 'a receipt', { t: 'rct' }],
    ['unknown event type', 'no t', { t: undefined }],
    ...['id', 'sn', 'h', 'at'].map((name): [string, string, Change] => [
      'missing field',
      `no ${name}`,
      { [name]: undefined },
    ]),
    ['unknown field', 'by', { by: NODE.id }],
    ['wrong field', 'id of another form', { id: 'kith1' }],
    ['wrong field', 'sn of 64', { sn: 64 }],
    ['wrong field', 'sn negative', { sn: -1 }],
    ['wrong field', 'h of 31 bytes', { h: STATEMENT.h.subarray(1) }],
    ['wrong field', 'h as text', { h: hex(STATEMENT.h) }],
    ['wrong time', 'at negative', { at: -1 }],
    ['wrong time', 'at after the last time', { at: 8_640_000_000_000_001 }],
    ['wrong time', 'at as text', { at: '0' }],
  ]
  return Promise.all(
    cases.map(async ([what, name, change]) => ({ what, name, statement: await made(change) })),
  )
}

async function signatures(): Promise<unknown[]> {
  const bytes = eventOf(STATEMENT)
  const good = await made({})
  const forged = enveloped(bytes, [`01${'00'.repeat(63)}`])
  const by = (kind: string, signers: string[]): Promise<string> => signedBy(kind, bytes, signers)
  return [
    { what: 'event too large', name: '2,049 bytes', statement: '00'.repeat(2049) },
    { what: 'not canonical', name: 'a byte after it', statement: `${good}00` },
    { what: 'not a signed event', name: 'the statement alone', statement: hex(bytes) },
    { what: 'bad signature', name: 'none', statement: enveloped(bytes, []) },
    { what: 'bad signature', name: 'two', statement: await by('backup', [SIGNER, SIGNER]) },
    { what: 'bad signature', name: 'of another key', statement: await by('backup', ['thief']) },
    { what: 'bad signature', name: 'of another kind', statement: await by('rct', [SIGNER]) },
    {
      what: 'bad signature',
      name: 'of an earlier backup',
      statement: enveloped(eventOf({ ...STATEMENT, at: STATEMENT.at + 1 }), [
        hex(fromHex(good).subarray(-64)),
      ]),
    },
    { what: 'bad signature', name: 'under a weak key', statement: forged, key: WEAK_POINTS[0]?.point },
  ]
}

function made(change: Change): Promise<string> {
  return signedBy('backup', eventOf({ ...STATEMENT, ...change }), [SIGNER])
}
