import { sha256 } from '../../protocol/sha256.ts'

/**
 * How much later than `dueAt` a job starts, in ms, less than `jitterMs`. The same for the same job and time, so that
 * a restart moves nothing.
 */
export function jitterOf(job: string, dueAt: number, jitterMs: number): number {
  if (jitterMs === 0) return 0
  const digest = sha256(new TextEncoder().encode(`${job} ${dueAt}`))
  const share = new DataView(digest.buffer, digest.byteOffset).getUint32(0) / 2 ** 32
  return Math.floor(share * jitterMs)
}
