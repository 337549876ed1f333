/* PROTOCOL.md §5, "Backups". */
import { isSigned } from './ed25519.ts'
import { Refused } from './refused.ts'
import { readStatement } from './statement.ts'

const KINDS = {
  backup: { fields: { id: 'node id', sn: [0, 63], h: 32 }, times: ['at'] },
} as const

/** What a backup statement says that is signed under this key. @throws {Refused} */
export function readBackupStatement(
  statement: Uint8Array,
  key: Uint8Array,
): Record<string, string | number> {
  const { content, hex, integer, signatures, text } = readStatement(statement, KINDS)
  const [signature, ...others] = signatures
  if (signature === undefined || others.length > 0) throw new Refused('bad signature')
  if (!isSigned('backup', content, signature, key)) throw new Refused('bad signature')
  return { id: text('id'), sn: integer('sn'), manifest: hex('h'), at: integer('at') }
}
