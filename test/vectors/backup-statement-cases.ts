import { BEGAN_AT, commitment, inception, publicKey } from './key-log-events.ts'
import type { Change } from './key-log-events.ts'
import { hex, sha256 } from './seeds.ts'
import { StatementCases } from './statement-cases.ts'

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

const CASES = new StatementCases({
  kind: 'backup',
  as: 'statement',
  signer: SIGNER,
  good: STATEMENT,
})

/** Backup statements with what they say, and such as must be refused, with the reason. */
export function backupStatementVectors(): Promise<unknown> {
  return CASES.vectors({
    valid: [
      accepted('of a node with one key', {}),
      accepted('after the last event that a log can have', { sn: 63 }),
      accepted('at the epoch', { at: 0 }),
      accepted('at the last time', { at: 8_640_000_000_000_000 }),
    ],
    refused: [
      ...CASES.misfits({ t: 'rct', name: 'a receipt' }),
      ['unknown field', 'by', { by: NODE.id }],
      ['wrong field', 'id of another form', { id: 'kith1' }],
      ['wrong field', 'sn of 64', { sn: 64 }],
      ['wrong field', 'sn negative', { sn: -1 }],
      ['wrong field', 'h of 31 bytes', { h: STATEMENT.h.subarray(1) }],
      ['wrong field', 'h as text', { h: hex(STATEMENT.h) }],
      ['wrong time', 'at negative', { at: -1 }],
      ['wrong time', 'at after the last time', { at: 8_640_000_000_000_001 }],
      ['wrong time', 'at as text', { at: '0' }],
    ],
    not: { kind: 'rct', name: 'of an earlier backup', change: { at: STATEMENT.at + 1 } },
  })
}

function accepted(name: string, change: Change): Promise<unknown> {
  return CASES.accepted(name, change, ({ at, h, id, sn }) => ({ id, sn, manifest: hex(h), at }))
}
