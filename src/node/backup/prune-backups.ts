import { unlink } from 'node:fs/promises'
import { sha256OfFile } from '../../store/backup/backup-files.ts'
import { retain } from '../../store/backup/retention.ts'
import type { KeepRule } from '../../store/backup/retention.ts'
import { hostZone } from '../zone.ts'
import { NOT_AS_WRITTEN } from './backup-log.ts'
import type { BackupLog } from './backup-log.ts'
import type { FoundBackup } from './found-backups.ts'

/** What comes of a pruning. `spared` are damaged, not there or not made here: the rule says nothing of them. */
export interface Pruning {
  kept: FoundBackup[]
  removed: FoundBackup[]
  spared: FoundBackup[]
}

/**
 * What a rule keeps and removes of what `find` finds. Removes it when `remove` is true. Before anything goes, the newest
 * one that was read back is read once more: all others may go because it stays, so it has to be what was written still.
 */
export async function pruneBackups(
  records: Pick<BackupLog, 'add'>,
  find: () => Promise<FoundBackup[]>,
  { by, keep, remove }: { by: string; keep: KeepRule; remove: boolean },
): Promise<Pruning> {
  for (;;) {
    const pruning = judge(await find(), keep)
    const proof = pruning.kept.find(({ verified }) => verified?.ok === true)
    if (pruning.removed.length === 0 || proof === undefined) return pruning
    const { file, sha256 } = proof
    if ((await sha256OfFile(file)) === sha256) {
      if (remove) await removeAll(records, pruning.removed, by)
      return pruning
    }
    await records.add({ what: 'checked', file, how: 'hash', ok: false, why: NOT_AS_WRITTEN, by })
  }
}

function judge(all: readonly FoundBackup[], keep: KeepRule): Pruning {
  const judged = all
    .filter(isJudged)
    .map((found) => ({ found, at: found.backupAt, verified: found.verified?.ok === true }))
  const { kept, removed } = retain(judged, hostZone(), keep)
  return {
    kept: kept.map(({ found }) => found),
    removed: removed.map(({ found }) => found),
    spared: all.filter((found) => !isJudged(found)),
  }
}

/** One that was only found here may be a copy that somebody keeps, or one of these by another path. */
function isJudged({ by, standing, verified }: FoundBackup): boolean {
  return by !== undefined && standing === 'there' && verified?.ok !== false
}

async function removeAll(
  records: Pick<BackupLog, 'add'>,
  backups: readonly FoundBackup[],
  by: string,
): Promise<void> {
  for (const { file } of backups) {
    await unlink(file)
    await records.add({ what: 'removed', file, by })
  }
}
