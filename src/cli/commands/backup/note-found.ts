import type { Input } from '../../../node/control/api.ts'
import { isFailure } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { withBackups } from './reach.ts'

/** Lets the node of this home note what was found of a backup. Where there is no node, there is nobody to note it. */
export async function noteFound(
  cli: CliContext,
  { file, found, how, ok, why }: Input<'noteBackup'>,
): Promise<void> {
  const what: Input<'noteBackup'> = {
    ...{ file, how, ok },
    ...(why === undefined ? {} : { why }),
    ...(found === undefined ? {} : { found }),
  }
  try {
    await withBackups(cli, (backups) => backups.call('noteBackup', what))
  } catch (err) {
    if (!isFailure(err, 'no-identity')) throw err
  }
}
