import type {
  BackupAuthor,
  BackupRoute,
  BackupSummary,
  DoctorReport,
  Input,
  Output,
  VerifyReport,
} from '../node/control/api.ts'
import type { Home } from '../node/home.ts'

/** What opens a backup: its passphrase, or age identities of which one is of a recipient. */
export type BackupKey = { passphrase: string } | { identities: readonly string[] }

/** What somebody says of a backup that is to be read: the node that it must be of, and whether it may be unsigned. */
export interface WantedBackup {
  node?: string | undefined
  allowUnsigned?: boolean | undefined
}

type OnProgress = (progress: { doneBytes: number; totalBytes: number }) => void

/** The backups of a home whose node does not run, by the routes of one that does. */
export interface BackupFiles {
  call: <N extends BackupRoute>(
    name: N,
    input: Input<N>,
    signal?: AbortSignal,
  ) => Promise<Output<N>>
  /** Opens the key that signs them; where it is sealed, `passphrase` is asked for what opens it. */
  openKey: (passphrase: () => Promise<string | undefined>) => Promise<void>
  close: () => Promise<void>
}

export interface BackupDrill {
  ok: boolean
  findings: {
    check: string
    state: DoctorReport['state'] | 'unchecked'
    what: string
    hint?: string
  }[]
  summary?: BackupSummary
  author?: BackupAuthor
  found?: NonNullable<Input<'noteBackup'>['found']>
}

export interface RestoreReport {
  summary: BackupSummary
  author: BackupAuthor
  merged: {
    keyLog: 'home' | 'backup'
    peers: 'home' | 'backup'
    peersBeside: string | undefined
    blocked: string[]
    storeRead: boolean
    revokedInvites: number
    ahead: { peer: string; sn: number }[]
  }
  before?: string
}

/** What can be done with backups in this process. */
export interface BackupModule {
  openBackups: (home: Home, env: NodeJS.ProcessEnv) => Promise<BackupFiles>
  sealOf: (file: string) => Promise<'passphrase' | 'recipients' | undefined>
  makeBackupKey: (path: string, now: number) => Promise<string>
  readBackupKey: (path: string) => Promise<string[]>
  assertBackupPassphrase: (passphrase: string) => void
  verifyFile: (
    file: string,
    what: { key: BackupKey | undefined; sha256: string; home: Home; wanted: WantedBackup },
    onProgress: OnProgress,
    signal?: AbortSignal,
  ) => Promise<VerifyReport>
  drillBackup: (init: {
    file: string
    key: BackupKey
    home: Home
    passphrase: string | undefined
    wanted: WantedBackup
    onProgress: OnProgress
    signal?: AbortSignal
  }) => Promise<BackupDrill>
  restoreBackup: (init: {
    file: string
    key: BackupKey
    home: Home
    dryRun: boolean
    wanted: WantedBackup
    onProgress: OnProgress
    signal?: AbortSignal
  }) => Promise<RestoreReport>
}
