import { BEGAN_AT, commitment, inception, publicKey } from './key-log-events.ts'
import type { Change } from './key-log-events.ts'
import { fromHex, hex } from './seeds.ts'
import { StatementCases } from './statement-cases.ts'

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

const CASES = new StatementCases({ kind: 'audit-head', as: 'head', signer: SIGNER, good: HEAD })

/** Heads of audit logs with what they say, and such as must be refused, with the reason. */
export function auditHeadVectors(): Promise<unknown> {
  return CASES.vectors({
    valid: [
      accepted('of a log of a thousand entries', {}),
      accepted('of the first entry', { seq: 1 }),
      accepted('of an entry that was pruned', { seq: 12, first: 13 }),
      accepted('with all before it pruned', { first: 1_000 }),
      accepted('of the last entry that there can be', { seq: LAST_SEQ }),
      accepted('by the last key of a log', { sn: 63 }),
      accepted('at the epoch', { at: 0 }),
    ],
    refused: [
      ...CASES.misfits({ t: 'bye', name: 'a bye' }),
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
    ],
    not: { kind: 'rct', name: 'of an earlier head', change: { seq: 1_001 } },
  })
}

function accepted(name: string, change: Change): Promise<unknown> {
  return CASES.accepted(name, change, ({ at, first, h, id, seq, sn }) => {
    return { id, sn, seq, hash: hex(h), first, at }
  })
}
