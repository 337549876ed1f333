/* PROTOCOL.md §5, "Receipts". */
import { isSigned } from './ed25519.ts'
import { Refused } from './refused.ts'
import { readStatement } from './statement.ts'

const KINDS = {
  rct: { fields: { id: 'node id', sn: [0, 63], h: 32, by: 'node id' }, times: ['seen'] },
} as const

/** What a receipt says that is signed under this key. @throws {Refused} */
export function readReceipt(receipt: Uint8Array, key: Uint8Array): Record<string, string | number> {
  const { content, hex, integer, signatures, text } = readStatement(receipt, KINDS)
  const [signature, ...others] = signatures
  if (signature === undefined || others.length > 0) throw new Refused('bad signature')
  if (!isSigned('rct', content, signature, key)) throw new Refused('bad signature')
  return {
    id: text('id'),
    sn: integer('sn'),
    head: hex('h'),
    by: text('by'),
    seenAt: integer('seen'),
  }
}
