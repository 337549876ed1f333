import type { ReadBackup } from './archive-reader.ts'
import type { BackupReport, BackupTask } from './make-backup.ts'
import type { Manifest } from './manifest.ts'
import type { BackupProgress } from './progress.ts'
import type { Key } from './seal.ts'
import type { Thrown } from './thrown.ts'

/** What a worker can do, by its name: what it is given, and what it comes back with. */
export interface Tasks {
  create: { init: BackupTask; result: BackupReport }
  extract: { init: { path: string; key: Key; folder: string }; result: ReadBackup }
  verify: { init: { path: string; key: Key }; result: ReadBackup }
}

/** What a worker is started for. */
export type Task = { [K in keyof Tasks]: { kind: K; init: Tasks[K]['init'] } }[keyof Tasks]

/** What a worker asks, one question at a time. */
export type Question =
  | { kind: 'describe'; identity: Uint8Array }
  /** The statement of the node about the manifest with this SHA-256, which says this of it. */
  | { kind: 'sign'; digest: Uint8Array; about: Pick<Manifest, 'node' | 'keyLog' | 'at'> }
  /** Whether a backup is taken that says this of itself: whoever does not take it throws. */
  | { kind: 'accept'; backup: ReadBackup }
  /** The next piece of the rows, from their beginning or where the last one ended. */
  | { kind: 'rows'; from: 'start' | 'here' }

/** What a worker says. The answer to a question is the next message it gets. */
export type Said =
  | { kind: 'question'; question: Question }
  | { kind: 'progress'; progress: BackupProgress }
  | { kind: 'done'; result: unknown }
  | { kind: 'failed'; thrown: Thrown }
