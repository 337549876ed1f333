import { createHash } from 'node:crypto'
import { UNSIGNED_VERSION } from '../../src/store/backup/manifest.ts'
import type { Manifest } from '../../src/store/backup/manifest.ts'

/** A node id that is well formed. */
const NODE = 'kith16yosywfkgw4f2u4hqt2antemec5mfyr4dmtnwmcqojfxx5mr2jea'

/** All that a source yields, as one. */
export async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** `bytes` in pieces of this length. */
export async function* piecesOf(bytes: Uint8Array, length = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += length) yield bytes.subarray(at, at + length)
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The manifest of these files, of a backup that nobody signs. */
export function manifestOf(
  files: Readonly<Record<string, Uint8Array>>,
  change: Partial<Manifest> = {},
): Manifest {
  return {
    format: 'kith-backup',
    version: UNSIGNED_VERSION,
    software: 'kith/0.1.0',
    at: Date.UTC(2026, 10, 21, 15, 46),
    node: NODE,
    keyLog: { sn: 0, head: '00'.repeat(32) },
    files: Object.entries(files).map(([name, content]) => ({
      name,
      bytes: content.byteLength,
      sha256: sha256Hex(content),
    })),
    ...change,
  }
}
