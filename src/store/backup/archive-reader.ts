import { createHash } from 'node:crypto'
import { ByteReader } from './byte-reader.ts'
import { damagedBackup, MANIFEST_NAME, MAX_MANIFEST_BYTES, parseManifest } from './manifest.ts'
import type { BackupFile, Manifest } from './manifest.ts'
import { TAR_BLOCK_BYTES, TAR_END, tarHead, tarPadding, tarSeconds, tarSize } from './tar-block.ts'

/** What becomes of an archive's files. */
export interface ArchiveSink {
  /** What is announced, before any of it is read. Whatever it throws ends the reading. */
  manifest?: (manifest: Manifest) => void | Promise<void>
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
): Promise<Manifest> {
  const reader = new ByteReader(source)
  try {
    const manifest = await readManifest(reader)
    await sink.manifest?.(manifest)
    for (const file of manifest.files) await readFile(reader, file, manifest, sink)
    await expect(reader, TAR_END, 'it goes on after its last file')
    if ((await reader.some(1)) !== undefined) throw damagedBackup('something follows its end')
    return manifest
  } finally {
    await reader.close()
  }
}

async function readManifest(reader: ByteReader): Promise<Manifest> {
  const head = await reader.exactly(TAR_BLOCK_BYTES)
  const [bytes, seconds] = [tarSize(head), tarSeconds(head)]
  if (!(bytes <= MAX_MANIFEST_BYTES) || Number.isNaN(seconds)) {
    throw damagedBackup('it does not begin with a manifest')
  }
  if (!isSame(head, tarHead({ name: MANIFEST_NAME, bytes }, seconds))) {
    throw damagedBackup('it does not begin with a manifest')
  }
  const manifest = parseManifest(await reader.exactly(bytes))
  if (seconds !== secondsOf(manifest)) throw damagedBackup('it has two times')
  await expect(reader, Buffer.alloc(tarPadding(bytes)), 'its manifest is longer than it says')
  return manifest
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
