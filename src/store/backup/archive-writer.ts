import { createHash } from 'node:crypto'
import { encodeManifest, MANIFEST_NAME } from './manifest.ts'
import type { BackupFile, Manifest } from './manifest.ts'
import { TAR_END, tarHead, tarPadding } from './tar-block.ts'

/** A file was no longer what the manifest says of it when its turn came. */
export class FileChanged extends Error {
  override readonly name = 'FileChanged'
  readonly file: string

  constructor(file: string) {
    super(`${file} changed while it was read`)
    this.file = file
  }
}

/**
 * A tar of the manifest and then of the files that it announces, which any tar opens.
 *
 * @throws {FileChanged} as soon as a content is not the one that was announced
 */
export async function* writeArchive(
  manifest: Manifest,
  contentOf: (file: BackupFile) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const seconds = Math.floor(manifest.at / 1_000)
  const first = encodeManifest(manifest)
  yield tarHead({ name: MANIFEST_NAME, bytes: first.byteLength }, seconds)
  yield first
  yield Buffer.alloc(tarPadding(first.byteLength))
  for (const file of manifest.files) {
    yield tarHead(file, seconds)
    yield* asAnnounced(file, contentOf(file))
    yield Buffer.alloc(tarPadding(file.bytes))
  }
  yield TAR_END
}

async function* asAnnounced(
  file: BackupFile,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of content) {
    bytes += chunk.byteLength
    if (bytes > file.bytes) throw new FileChanged(file.name)
    hash.update(chunk)
    yield chunk
  }
  if (bytes < file.bytes || hash.digest('hex') !== file.sha256) throw new FileChanged(file.name)
}
