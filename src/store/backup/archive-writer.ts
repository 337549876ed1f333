import { createHash } from 'node:crypto'
import { encodeManifest, isSigned, MANIFEST_NAME, SIGNATURE_NAME } from './manifest.ts'
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

/** Makes the statement of a node about the manifest with this SHA-256. */
export type Sign = (digest: Uint8Array) => Promise<Uint8Array>

/**
 * A tar of the manifest, of what `sign` says of it where its version has that, and then of the files that it announces.
 * Any tar opens it.
 *
 * @throws {FileChanged} as soon as a content is not the one that was announced
 */
export async function* writeArchive(
  manifest: Manifest,
  contentOf: (file: BackupFile) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  sign?: Sign,
): AsyncGenerator<Uint8Array> {
  const seconds = Math.floor(manifest.at / 1_000)
  const first = encodeManifest(manifest)
  yield* entry(MANIFEST_NAME, first, seconds)
  if (isSigned(manifest)) {
    if (sign === undefined) throw new TypeError('nobody is there to sign')
    yield* entry(SIGNATURE_NAME, await sign(createHash('sha256').update(first).digest()), seconds)
  }
  for (const file of manifest.files) {
    yield tarHead(file, seconds)
    yield* asAnnounced(file, contentOf(file))
    yield Buffer.alloc(tarPadding(file.bytes))
  }
  yield TAR_END
}

/** A file that no manifest announces. */
function* entry(name: string, content: Uint8Array, seconds: number): Generator<Uint8Array> {
  yield tarHead({ name, bytes: content.byteLength }, seconds)
  yield content
  yield Buffer.alloc(tarPadding(content.byteLength))
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
