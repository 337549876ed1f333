import { finishRestore } from '../../store/backup/swap.ts'
import type { Home } from '../home.ts'

/** Brings a restore of this home to its end that was cut off. The command line does it before it opens any home. */
export async function settleHome({ path }: Home): Promise<void> {
  await finishRestore(path)
}
