import { validateKeyLog } from '../../protocol/key-log.ts'
import type { Manifest } from '../../store/backup/manifest.ts'
import { parseKeyLogFile } from '../keys/own-log.ts'

/** What a manifest says of a node, by the content of its `identity.json`. @throws {KithError} `malformed` */
export function describeIdentity(content: Uint8Array): Pick<Manifest, 'node' | 'keyLog'> {
  const { head, id, sn } = validateKeyLog(parseKeyLogFile(content))
  return { node: id, keyLog: { sn, head: Buffer.from(head).toString('hex') } }
}
