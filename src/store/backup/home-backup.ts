import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { KithError } from '../../protocol/errors.ts'
import { placeNew, syncFolder } from '../atomic-file.ts'
import type { Database } from '../database.ts'
import { FileChanged } from './archive-writer.ts'
import type { BackupReport } from './make-backup.ts'
import type { Manifest } from './manifest.ts'
import type { OnProgress } from './progress.ts'
import type { Lock } from './seal.ts'
import { dumpRows } from './store-rows.ts'
import type { Question } from './worker-messages.ts'
import { runTask } from './worker-task.ts'

/** So often a backup begins anew when a file changes while it is read. */
const ATTEMPTS = 3

export interface BackupInit {
  /** The home's folder. */
  home: string
  /** The store of that home, open. It goes on being written. */
  database: Database
  /** Whose home this is, by the content of its `identity.json`. */
  describe: (identity: Uint8Array) => Pick<Manifest, 'node' | 'keyLog'>
  software: string
  now: () => number
  /** Where the backup goes. Nothing may be there. */
  to: string
  lock: Lock
  /** Told how far it is, often. */
  onProgress?: OnProgress
  /** Ends it. Nothing is left of it then. */
  signal?: AbortSignal
}

/**
 * Writes a home into one sealed file, mode 0600, while its node runs: in a thread of its own, so that the node answers
 * meanwhile. Nothing of it lies anywhere in the clear: what the manifest must say of each file is found by reading it
 * once before. A key that lies unsealed in the home is sealed in the backup, as all of it is.
 *
 * @throws {KithError} `exists`; `no-identity` for a home without a node; `invalid-file` for a file that changes all the
 *   time; `usage`, `passphrase` as `seal`
 */
export async function createBackup(init: BackupInit): Promise<BackupReport> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptBackup(init)
    } catch (err) {
      if (!(err instanceof FileChanged)) throw err
      if (attempt < ATTEMPTS) continue
      const path = join(init.home, err.file)
      const hint = 'try again when nothing writes to it'
      throw new KithError('invalid-file', err.message, { path }, { cause: err, hint })
    }
  }
}

async function attemptBackup(init: BackupInit): Promise<BackupReport> {
  const { database, home, lock, onProgress, signal, software, to } = init
  const temporary = join(dirname(to), `.${basename(to)}.${randomBytes(8).toString('hex')}`)
  const snapshot = database.snapshot()
  const at = init.now()
  let rows = dumpRows(database, snapshot)
  const answer = async (question: Question): Promise<unknown> => {
    if (question.kind === 'describe') return init.describe(question.identity)
    if (question.from === 'start') rows = dumpRows(database, snapshot)
    const next = await rows.next()
    return next.done === true ? undefined : next.value
  }
  try {
    const task = { home, software, at, to: temporary, lock }
    const report = await runTask('create', task, { answer, onProgress, signal })
    await placeNew(temporary, to)
    await syncFolder(dirname(to))
    return report
  } finally {
    await rows.return(undefined)
    await snapshot.close()
    await rm(temporary, { force: true })
  }
}
