import { z } from 'zod'
import { KithError } from '../../protocol/errors.ts'
import { isNodeId } from '../../protocol/node-id.ts'
import { findCollisions, isPortableName } from './names.ts'

/** Versions of the layout inside a backup: nobody has signed one of version 1. One of a higher version is refused. */
export const UNSIGNED_VERSION = 1
export const BACKUP_VERSION = 2

/** The file that stands first, and says what follows. */
export const MANIFEST_NAME = 'manifest.json'

/** The file that stands second, where the manifest is signed: a backup statement (PROTOCOL.md §5). */
export const SIGNATURE_NAME = 'signature.cbor'

const OWN_NAMES: readonly string[] = [MANIFEST_NAME, SIGNATURE_NAME]

/** Longest manifest: room for the most files, with names of 200 bytes. */
export const MAX_MANIFEST_BYTES = 33_554_432

/** Most files of a backup. */
export const MAX_BACKUP_FILES = 100_000

/** Longest file: what the 11 octal digits of a tar header can say (POSIX.1-2017, ustar). */
export const MAX_FILE_BYTES = 8_589_934_591

/** Longest content of all files together: 64 GiB. */
export const MAX_BACKUP_BYTES = 68_719_476_736

/** Latest time that a tar header can say, in ms since the epoch. */
const MAX_AT_MS = 8_589_934_591_999

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

const fileSchema = z.strictObject({
  name: z
    .string()
    .refine(isPortableName, { message: 'not a name that every system takes' })
    .refine((name) => !OWN_NAMES.includes(name.toLowerCase()), { message: 'the backup’s own' }),
  bytes: z.int().min(0).max(MAX_FILE_BYTES),
  sha256,
  /** Its owner may run it. */
  executable: z.exactOptional(z.literal(true)),
})

const manifestSchema = z.strictObject({
  format: z.literal('kith-backup'),
  version: z.literal([UNSIGNED_VERSION, BACKUP_VERSION]),
  /** The version of kith that wrote it. */
  software: z.string().max(64),
  /** When its store was as it is in here, in ms since the epoch. */
  at: z.int().min(0).max(MAX_AT_MS),
  node: z.string().refine(isNodeId, { message: 'no node id' }),
  /** The last event of the node’s own key log: its place, and its hash in hexadecimal. */
  keyLog: z.strictObject({ sn: z.int().min(0), head: sha256 }),
  /** In the order in which they follow. */
  files: z.array(fileSchema).max(MAX_BACKUP_FILES),
})

/** A file as the manifest announces it. */
export type BackupFile = z.infer<typeof fileSchema>

/** What a backup says of itself. */
export type Manifest = z.infer<typeof manifestSchema>

/** @throws {KithError} `invalid-file` when its names are so long that nobody would read it */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const bytes = Buffer.from(`${JSON.stringify(checked(manifest), null, 1)}\n`)
  if (bytes.byteLength <= MAX_MANIFEST_BYTES) return bytes
  const message = `the names of ${manifest.files.length} files are too long for one backup`
  const hint = 'move what needs no backup out of workspace/'
  throw new KithError('invalid-file', message, { path: 'workspace' }, { hint })
}

/** @throws {KithError} `too-new` when a later kith wrote it; `corrupt` */
export function parseManifest(bytes: Uint8Array): Manifest {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    const json: unknown = JSON.parse(text)
    const { version } = z.looseObject({ version: z.int() }).parse(json)
    if (version > BACKUP_VERSION) throw tooNew(version)
    return checked(json)
  } catch (err) {
    if (err instanceof KithError) throw err
    throw damagedBackup('its manifest cannot be read', err)
  }
}

/** The error for a backup that is not what kith writes. Nothing of it is used. */
export function damagedBackup(why: string, cause?: unknown): KithError<'corrupt'> {
  const hint = 'kith backup list, and take another one'
  return new KithError(
    'corrupt',
    `the backup is damaged: ${why}`,
    { what: 'backup' },
    { cause, hint },
  )
}

/** True when a statement of its node follows the manifest. */
export function isSigned({ version }: Pick<Manifest, 'version'>): boolean {
  return version === BACKUP_VERSION
}

/** Bytes of all files together. */
export function totalBytes({ files }: Manifest): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}

function checked(value: unknown): Manifest {
  const manifest = manifestSchema.parse(value)
  const [collision] = findCollisions(manifest.files.map(({ name }) => name))
  if (collision !== undefined) {
    throw damagedBackup(`two of its files have one name: ${JSON.stringify(collision)}`)
  }
  if (totalBytes(manifest) > MAX_BACKUP_BYTES) {
    throw damagedBackup(`its files have more than ${MAX_BACKUP_BYTES} bytes`)
  }
  return manifest
}

function tooNew(version: number): KithError<'too-new'> {
  return new KithError(
    'too-new',
    `the backup has version ${version}; this kith knows up to ${BACKUP_VERSION}`,
    { what: 'backup', version, known: BACKUP_VERSION },
    { hint: 'run the kith that wrote it, or a later one' },
  )
}
