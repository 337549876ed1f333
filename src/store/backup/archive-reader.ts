import { createHash } from 'node:crypto'
import { unverifiedBackupStatement } from '../../protocol/backup-statement.ts'
import type { BackupStatement } from '../../protocol/backup-statement.ts'
import { MAX_KEY_EVENT_BYTES } from '../../protocol/limits.ts'
import { ByteReader } from './byte-reader.ts'
import {
  damagedBackup,
  isSigned,
  MANIFEST_NAME,
  MAX_MANIFEST_BYTES,
  parseManifest,
  SIGNATURE_NAME,
} from './manifest.ts'
import type { BackupFile, Manifest } from './manifest.ts'
import { TAR_BLOCK_BYTES, TAR_END, tarHead, tarPadding, tarSeconds, tarSize } from './tar-block.ts'

/** What stands before the files of an archive. */
export interface ArchiveHead {
  manifest: Manifest
  /** The statement of its node about this very manifest. Who has signed it is not known yet. */
  statement: Uint8Array | undefined
}

/** What a backup says of itself and of its node, once it was read. */
export interface ReadBackup extends ArchiveHead {
  /** The content of its `identity.json`. */
  identity: Uint8Array
}

/** What becomes of an archive's files. */
export interface ArchiveSink {
  /** What is announced, before any of it is read. Whatever it throws ends the reading. */
  head?: (head: ArchiveHead) => void | Promise<void>
  /** Takes one content. Until this whole archive was read, it may be anything. */
  file: (file: BackupFile, content: AsyncIterable<Uint8Array>) => Promise<void>
}

/**
 * Reads an archive as `writeArchive` writes it, and as nobody else would: the manifest decides on every byte that is
 * not content, so headers are compared and not understood. There is no way to say a link, a device, a folder, a second
 * name or one more file. Resolves when all was read and is what the manifest says, and nothing follows.
 *
 * @throws {KithError} `corrupt`, `too-new`
 */
export async function readArchive(
  source: AsyncIterable<Uint8Array>,
  sink: ArchiveSink,
): Promise<ArchiveHead> {
  const reader = new ByteReader(source)
  try {
    const head = await readHead(reader)
    const { manifest } = head
    await sink.head?.(head)
    for (const file of manifest.files) await readFile(reader, file, manifest, sink)
    await expect(reader, TAR_END, 'it goes on after its last file')
    if ((await reader.some(1)) !== undefined) throw damagedBackup('something follows its end')
    return head
  } finally {
    await reader.close()
  }
}

async function readHead(reader: ByteReader): Promise<ArchiveHead> {
  const otherwise = 'it does not begin with a manifest'
  const first = await readEntry(reader, MANIFEST_NAME, MAX_MANIFEST_BYTES, otherwise)
  const manifest = parseManifest(first.content)
  if (first.seconds !== secondsOf(manifest)) throw damagedBackup('it has two times')
  if (!isSigned(manifest)) return { manifest, statement: undefined }
  const no = 'no signature follows its manifest'
  const second = await readEntry(reader, SIGNATURE_NAME, MAX_KEY_EVENT_BYTES, no)
  const digest = createHash('sha256').update(first.content).digest()
  const said = parseStatement(second.content)
  const isOfThis =
    second.seconds === first.seconds &&
    isSame(said.manifest, digest) &&
    said.id === manifest.node &&
    said.sn === manifest.keyLog.sn &&
    said.at === manifest.at
  if (!isOfThis) throw damagedBackup('its signature is of another backup')
  return { manifest, statement: second.content }
}

function parseStatement(bytes: Uint8Array): BackupStatement {
  try {
    return unverifiedBackupStatement(bytes)
  } catch (err) {
    throw damagedBackup('its signature cannot be read', err)
  }
}

/** A file that no manifest announces: its header says how long it is. */
async function readEntry(
  reader: ByteReader,
  name: string,
  mostBytes: number,
  otherwise: string,
): Promise<{ content: Uint8Array; seconds: number }> {
  const head = await reader.exactly(TAR_BLOCK_BYTES)
  const [bytes, seconds] = [tarSize(head), tarSeconds(head)]
  if (!(bytes <= mostBytes) || Number.isNaN(seconds)) throw damagedBackup(otherwise)
  if (!isSame(head, tarHead({ name, bytes }, seconds))) throw damagedBackup(otherwise)
  const content = await reader.exactly(bytes)
  await expect(reader, Buffer.alloc(tarPadding(bytes)), `${name} is longer than it says`)
  return { content, seconds }
}

async function readFile(
  reader: ByteReader,
  file: BackupFile,
  manifest: Manifest,
  sink: ArchiveSink,
): Promise<void> {
  const name = JSON.stringify(file.name)
  await expect(reader, tarHead(file, secondsOf(manifest)), `${name} is not where it should be`)
  const hash = createHash('sha256')
  let left = file.bytes
  async function* content(): AsyncGenerator<Uint8Array> {
    while (left > 0) {
      const some = await reader.some(left)
      if (some === undefined) throw damagedBackup('it is cut off')
      left -= some.byteLength
      hash.update(some)
      yield some
    }
  }
  const all = content()
  await sink.file(file, all)
  if (left > 0) throw new TypeError(`the content of ${name} was not read to its end`)
  if (hash.digest('hex') !== file.sha256) throw damagedBackup(`${name} is not what was announced`)
  await expect(reader, Buffer.alloc(tarPadding(file.bytes)), `${name} is longer than it says`)
}

async function expect(reader: ByteReader, bytes: Uint8Array, otherwise: string): Promise<void> {
  const found = await reader.exactly(bytes.byteLength)
  if (!isSame(found, bytes)) throw damagedBackup(otherwise)
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function secondsOf({ at }: Manifest): number {
  return Math.floor(at / 1_000)
}
