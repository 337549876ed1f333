import { dirname, sep } from 'node:path'
import { finishRestore, sweepKilled } from '../../store/backup/swap.ts'
import type { Home } from '../home.ts'

/**
 * Brings a restore of this home to its end that was cut off, and of the home that it is a profile of, with which its
 * profiles move. Takes away what was restored and is no home. The command line does it before it opens any home.
 */
export async function settleHome({ path }: Pick<Home, 'path'>, now: number): Promise<void> {
  const profiles = dirname(path)
  if (profiles.endsWith(`${sep}profiles`)) await finishRestore(dirname(profiles))
  await finishRestore(path)
  await sweepKilled(path, now)
}
