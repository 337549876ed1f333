import { BEGAN_AT, commitment, inception, publicKey } from './key-log-events.ts'
import type { Change } from './key-log-events.ts'
import { StatementCases } from './statement-cases.ts'

const SIGNER = 'who leaves'
const FROM = await inception({
  k: await publicKey(SIGNER),
  n: await commitment('rotation key of who leaves'),
})
const TO = await inception()

const BYE = { v: 1, t: 'bye', from: FROM.id, to: TO.id, at: BEGAN_AT + 61_000 }

const CASES = new StatementCases({ kind: 'bye', as: 'bye', signer: SIGNER, good: BYE })

/** Byes with what they say, and such as must be refused, with the reason. */
export function byeVectors(): Promise<unknown> {
  return CASES.vectors({
    valid: [
      accepted('to a peer', {}),
      accepted('at the epoch', { at: 0 }),
      accepted('at the last time', { at: 8_640_000_000_000_000 }),
      accepted('to itself, which a receiver does not take', { to: FROM.id }),
    ],
    refused: [
      ...CASES.misfits({ t: 'rct', name: 'a receipt' }),
      ['unknown field', 'why', { why: 'routine' }],
      ['wrong field', 'from of another form', { from: 'kith1' }],
      ['wrong field', 'to in upper case', { to: TO.id.toUpperCase() }],
      ['wrong field', 'to null', { to: null }],
      ['wrong time', 'at negative', { at: -1 }],
      ['wrong time', 'at after the last time', { at: 8_640_000_000_000_001 }],
      ['wrong time', 'at as text', { at: '0' }],
    ],
    not: { kind: 'rct', name: 'of an earlier bye', change: { at: BYE.at + 1 } },
  })
}

function accepted(name: string, change: Change): Promise<unknown> {
  return CASES.accepted(name, change, ({ at, from, to }) => ({ from, to, at }))
}
