import { zstdCompressSync } from 'node:zlib'
import { Encrypter } from 'age-encryption'
import { keyLogFile } from '../../src/node/keys/own-log.ts'
import { createBackupStatement } from '../../src/protocol/backup-statement.ts'
import { validateKeyLog } from '../../src/protocol/key-log.ts'
import { writeArchive } from '../../src/store/backup/archive-writer.ts'
import { BACKUP_VERSION } from '../../src/store/backup/manifest.ts'
import type { Manifest } from '../../src/store/backup/manifest.ts'
import { bytesOf, manifestOf, piecesOf } from './backup-bytes.ts'

/** What a thief wants to run. */
const JOBS = 'version: 1\njobs:\n  - {name: evil, schedule: {kind: manual}, zone: UTC}\n'

/** Says something of a manifest with this SHA-256. */
export type SignForged = (digest: Uint8Array, manifest: Manifest) => Uint8Array

/**
 * A backup of the node with this key log, as anybody makes it who knows a recipient: with tools that anybody has, and
 * with whatever `sign` says of it.
 */
export async function forgedBackup(
  recipient: string,
  events: Uint8Array[],
  sign?: SignForged,
  change: Partial<Manifest> = {},
): Promise<Uint8Array> {
  const files: Record<string, Uint8Array> = {
    'identity.json': keyLogFile(events),
    'jobs.yaml': Buffer.from(JOBS),
    'store.rows': Buffer.alloc(0),
  }
  const { head, id, sn } = validateKeyLog(events)
  const manifest = manifestOf(files, {
    ...(sign === undefined ? {} : { version: BACKUP_VERSION }),
    ...{ node: id, keyLog: { sn, head: Buffer.from(head).toString('hex') }, ...change },
  })
  const archive = writeArchive(
    manifest,
    ({ name }) => piecesOf(files[name] ?? Buffer.alloc(0)),
    (digest) => Promise.resolve(sign?.(digest, manifest) ?? Buffer.alloc(0)),
  )
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return await encrypter.encrypt(zstdCompressSync(await bytesOf(archive)))
}

/** Signs with this key, as the node that the manifest says. */
export function signedWith(seed: Uint8Array): SignForged {
  return (digest, { at, keyLog: { sn }, node }) =>
    createBackupStatement({ id: node, sn, at, manifest: digest, seed })
}
