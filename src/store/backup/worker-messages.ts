import type { BackupReport, BackupTask } from './make-backup.ts'
import type { Manifest } from './manifest.ts'
import type { BackupProgress } from './progress.ts'
import type { Key } from './seal.ts'
import type { Thrown } from './thrown.ts'

/** What a worker can do, by its name: what it is given, and what it comes back with. */
export interface Tasks {
  create: { init: BackupTask; result: BackupReport }
  verify: { init: { path: string; key: Key }; result: Manifest }
}

/** What a worker is started for. */
export type Task = { [K in keyof Tasks]: { kind: K; init: Tasks[K]['init'] } }[keyof Tasks]

/** What a worker asks, one question at a time. */
export type Question =
  | { kind: 'describe'; identity: Uint8Array }
  /** The next piece of the rows, from their beginning or where the last one ended. */
  | { kind: 'rows'; from: 'start' | 'here' }

/** What a worker says. The answer to a question is the next message it gets. */
export type Said =
  | { kind: 'question'; question: Question }
  | { kind: 'progress'; progress: BackupProgress }
  | { kind: 'done'; result: unknown }
  | { kind: 'failed'; thrown: Thrown }
