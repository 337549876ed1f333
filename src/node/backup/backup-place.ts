import { realpath } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { KithError } from '../../protocol/errors.ts'
import { BACKUP_SUFFIX, statsIfThere } from '../../store/backup/backup-files.ts'

/**
 * The path of the file that a backup of the home at `home` goes to: `to` is a folder, in which it is called `name`, or
 * the file itself.
 *
 * @throws {KithError} `usage`
 */
export async function backupPlace(
  to: string | undefined,
  { home, name }: { home: string; name: string },
): Promise<string> {
  if (to === undefined) {
    const what = 'nobody has said where backups go'
    const hint = 'kith backup create --to DIR, or: kith config set backup.to DIR'
    throw new KithError('usage', what, { what: 'backup.to' }, { hint })
  }
  const isFile = to.endsWith(BACKUP_SUFFIX)
  const folder = isFile ? dirname(resolve(to)) : resolve(to)
  if ((await statsIfThere(folder))?.isDirectory() !== true) {
    const what = `there is no folder ${folder}`
    throw new KithError('usage', what, { what: to }, { hint: `mkdir -m 700 ${folder}` })
  }
  const file = isFile ? resolve(to) : join(folder, name)
  const isInside = `${await realpath(folder)}${sep}`.startsWith(`${await realpath(home)}${sep}`)
  if (isInside) {
    const what = `${file} would be in the home that it is for, and lost with it`
    throw new KithError('usage', what, { what: to }, { hint: 'another folder, on another disk' })
  }
  return file
}
