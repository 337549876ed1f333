/* PROTOCOL.md §10, "peer.bye". */
import { isSigned } from './ed25519.ts'
import { Refused } from './refused.ts'
import { readStatement } from './statement.ts'

const KINDS = {
  bye: { fields: { from: 'node id', to: 'node id' }, times: ['at'] },
} as const

/** What a bye says that is signed under this key. @throws {Refused} */
export function readBye(bye: Uint8Array, key: Uint8Array): Record<string, string | number> {
  const { content, integer, signatures, text } = readStatement(bye, KINDS)
  const [signature, ...others] = signatures
  if (signature === undefined || others.length > 0) throw new Refused('bad signature')
  if (!isSigned('bye', content, signature, key)) throw new Refused('bad signature')
  return { from: text('from'), to: text('to'), at: integer('at') }
}
