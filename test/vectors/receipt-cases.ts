import { BEGAN_AT, commitment, inception, publicKey, rotated } from './key-log-events.ts'
import type { Change } from './key-log-events.ts'
import { hex, sha256 } from './seeds.ts'
import { StatementCases } from './statement-cases.ts'

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

const CASES = new StatementCases({ kind: 'rct', as: 'receipt', signer: SIGNER, good: RECEIPT })

/** Receipts with what they say, and such as must be refused, with the reason. */
export function receiptVectors(): Promise<unknown> {
  return CASES.vectors({
    valid: [
      accepted('of a rotation', {}),
      accepted('of an inception', { sn: 0, h: sha256(FIRST.last) }),
      accepted('of the last event that a log can have', { sn: 63 }),
      accepted('at the epoch', { seen: 0 }),
      accepted('of a log of its own', { by: LOG.id }),
    ],
    refused: [
      ...CASES.misfits({ t: 'rot', name: 'a rotation' }),
      ['unknown field', 'at', { at: 0 }],
      ['wrong field', 'id of another form', { id: 'kith1' }],
      ['wrong field', 'by as bytes', { by: RECEIPT.h }],
      ['wrong field', 'sn of 64', { sn: 64 }],
      ['wrong field', 'sn negative', { sn: -1 }],
      ['wrong field', 'h of 31 bytes', { h: RECEIPT.h.subarray(1) }],
      ['wrong time', 'seen negative', { seen: -1 }],
      ['wrong time', 'seen after the last time', { seen: 8_640_000_000_000_001 }],
      ['wrong time', 'seen as text', { seen: '0' }],
    ],
    not: { kind: 'rot', name: 'of another receipt', change: { sn: 2 } },
  })
}

function accepted(name: string, change: Change): Promise<unknown> {
  return CASES.accepted(name, change, ({ by, h, id, seen, sn }) => {
    return { id, sn, head: hex(h), by, seenAt: seen }
  })
}
