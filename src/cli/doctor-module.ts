import type { DoctorReport, MigrationStatus } from '../node/control/api.ts'
import type { Home } from '../node/home.ts'

/** What was found without a running node. */
export interface OfflineReport extends DoctorReport {
  /** Names of the checks that want a running node. */
  unchecked: string[]
}

/** Something that is put right without asking. */
export interface Fix {
  check: string
  action: 'chmod' | 'remove'
  path: string
  what: string
  /** The command that takes it back. */
  undo?: string
}

/** What looks at the files of a home and puts them right, without a node. */
export interface DoctorModule {
  checkOffline: (init: {
    home: Home
    env: NodeJS.ProcessEnv
    now: number
    running: boolean
    daemon?: number
  }) => Promise<OfflineReport>
  planFixes: (home: Home, now: number) => Promise<Fix[]>
  applyFixes: (home: Home, now: number, plan: readonly Fix[]) => Promise<Fix[]>
  /** `running` is the format of the store that a running node has open. */
  migrationStatus: (home: Home, running: number | undefined) => Promise<MigrationStatus[]>
}
