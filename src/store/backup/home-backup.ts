import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { KithError } from '../../protocol/errors.ts'
import { placeNew, syncFolder } from '../atomic-file.ts'
import type { Database } from '../database.ts'
import { FileChanged } from './archive-writer.ts'
import { isOfWorkspace } from './home-files.ts'
import type { BackupReport, SignManifest } from './make-backup.ts'
import type { Manifest } from './manifest.ts'
import type { OnProgress } from './progress.ts'
import { namingFullDisk } from './room.ts'
import { readAhead } from './read-ahead.ts'
import type { Lock } from './seal.ts'
import { dumpRows } from './store-rows.ts'
import type { Question } from './worker-messages.ts'
import { runTask } from './worker-task.ts'

/** So often a backup of all begins anew when a file changes while it is read. */
const ATTEMPTS = 3

/** So often one begins in all: from the third time on, it does without the files of the workspace that have changed. */
const MAX_ATTEMPTS = 10

export interface BackupInit {
  /** The home's folder. */
  home: string
  /** The store of that home, open. It goes on being written. */
  database: Database
  /** Whose home this is, by the content of its `identity.json`. */
  describe: (identity: Uint8Array) => Pick<Manifest, 'node' | 'keyLog'>
  /** What its node says of the backup. @default nobody signs it */
  sign?: SignManifest<Uint8Array> | undefined
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
 * once before. A key that lies unsealed in the home is sealed in the backup, as all of it is. A file of the workspace that
 * changes all the time is left out, and named.
 *
 * @throws {KithError} `exists`; `no-identity` for a home without a node; `invalid-file` for any other file that changes
 *   all the time; `usage` for a full disk, and as `seal`; `passphrase` as `seal`; what `sign` throws
 */
export async function createBackup(init: BackupInit): Promise<BackupReport> {
  const changed = new Set<string>()
  for (let attempt = 1; ; attempt += 1) {
    try {
      const without = attempt < ATTEMPTS ? [] : [...changed]
      return await namingFullDisk(dirname(init.to), () => attemptBackup(init, without))
    } catch (err) {
      if (!(err instanceof FileChanged)) throw err
      if (isOfWorkspace(err.file)) changed.add(err.file)
      if (attempt < (isOfWorkspace(err.file) ? MAX_ATTEMPTS : ATTEMPTS)) continue
      const path = join(init.home, err.file)
      const hint = 'try again when nothing writes to it'
      throw new KithError('invalid-file', err.message, { path }, { cause: err, hint })
    }
  }
}

async function attemptBackup(init: BackupInit, without: readonly string[]): Promise<BackupReport> {
  const { database, home, lock, onProgress, sign, signal, software, to } = init
  const temporary = join(dirname(to), `.${basename(to)}.${randomBytes(8).toString('hex')}`)
  const snapshot = database.snapshot()
  const at = init.now()
  let rows = readAhead(dumpRows(database, snapshot))
  const answer = async (question: Question): Promise<unknown> => {
    switch (question.kind) {
      case 'describe':
        return init.describe(question.identity)
      case 'sign':
        return sign?.(question.digest, question.about)
      case 'accept':
        throw new TypeError('nothing is unpacked here')
      case 'rows': {
        if (question.from === 'start') rows = readAhead(dumpRows(database, snapshot))
        const next = await rows.next()
        return next.done === true ? undefined : next.value
      }
    }
  }
  try {
    const signed = sign !== undefined
    const task = { home, software, at, to: temporary, lock, signed, without }
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
