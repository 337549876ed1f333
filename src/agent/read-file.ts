import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { KithError } from '../protocol/errors.ts'

/**
 * The bytes of a regular file of at most `limitBytes`. A link in the last place is not followed, and a pipe or a
 * device does not hold us up. Of a file that grows meanwhile, what it had at first. Failures call it `name`.
 *
 * @throws {KithError} `bad-request` for what is no regular file, `too-large`.
 * @throws what the system says: `ELOOP` for a link, `ENOENT`, and so on.
 */
export async function readRegularFile(
  path: string,
  limitBytes: number,
  name = path,
): Promise<Buffer> {
  const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) {
      throw new KithError('bad-request', `${name} is not a file`, { what: 'not a file' })
    }
    if (stats.size > limitBytes) {
      const details = { bytes: stats.size, limitBytes }
      throw new KithError('too-large', `${name} has more than ${limitBytes} bytes`, details)
    }
    const bytes = Buffer.alloc(stats.size)
    let filled = 0
    while (filled < bytes.length) {
      const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return bytes.subarray(0, filled)
  } finally {
    await handle.close()
  }
}

/** The system's name for what went wrong, such as `ENOENT`, or undefined for an error of another kind. */
export function systemCode(err: unknown): string | undefined {
  return err instanceof Error && 'code' in err && typeof err.code === 'string'
    ? err.code
    : undefined
}
