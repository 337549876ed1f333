/* PROTOCOL.md §10, "audit.head". */
import { isSigned } from './ed25519.ts'
import { Refused } from './refused.ts'
import { readStatement } from './statement.ts'

const KINDS = {
  'audit-head': {
    fields: { id: 'node id', sn: [0, 63], seq: [1, Infinity], h: 32, first: [1, Infinity] },
    times: ['at'],
    fits: ({ integer }: { integer: (name: string) => number }) =>
      integer('first') <= integer('seq') + 1,
  },
} as const

/** What a head says that is signed under this key. @throws {Refused} */
export function readAuditHead(head: Uint8Array, key: Uint8Array): Record<string, string | number> {
  const { content, hex, integer, signatures, text } = readStatement(head, KINDS)
  const [signature, ...others] = signatures
  if (signature === undefined || others.length > 0) throw new Refused('bad signature')
  if (!isSigned('audit-head', content, signature, key)) throw new Refused('bad signature')
  return {
    id: text('id'),
    sn: integer('sn'),
    seq: integer('seq'),
    hash: hex('h'),
    first: integer('first'),
    at: integer('at'),
  }
}
