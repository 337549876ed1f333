import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { KithError } from '../../protocol/errors.ts'
import { errnoOf } from '../atomic-file.ts'

/**
 * The file of a backup, open to be read. A pipe or a device is none: it would be waited for, gives other bytes the second
 * time, or never ends.
 *
 * @throws {KithError} `usage` where there is no file
 */
export async function openBackupFile(path: string): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(noFile(path))
  const stats = await handle.stat()
  if (stats.isFile()) return handle
  await handle.close()
  throw new KithError('usage', `${path} is no regular file`, { what: path })
}

function noFile(path: string): (err: unknown) => never {
  return (err) => {
    if (errnoOf(err) !== 'ENOENT' && errnoOf(err) !== 'ENOTDIR') throw err
    const hint = 'kith backup list'
    throw new KithError('usage', `there is no file ${path}`, { what: path }, { cause: err, hint })
  }
}
