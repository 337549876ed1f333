import type {
  AuditEntryReport,
  AuditVerdictReport,
  DependencyReport,
  DiffReport,
} from '../node/control/api.ts'
import type { Home } from '../node/home.ts'

/** Which entries of an audit log; all that is given has to fit. */
export interface AuditQuery {
  since?: number
  kinds?: readonly string[]
  who?: string
  limit?: number
}

/** A log to be read: which, of which profile, and the folder that has it. */
export interface LogPlace {
  folder: string
  source: 'service' | 'agent' | 'approval' | 'runs' | 'compaction' | 'audit'
  profile?: string
}

/** A line of a log. */
export interface ShownLine {
  source: string
  profile?: string
  at: number
  fields?: Record<string, unknown>
  text: string
}

/** What reads the records of a home without a node. */
export interface RecordsModule {
  diffOffline: (home: Home, since: number, now: number) => Promise<DiffReport>
  auditOffline: (home: Home, query: AuditQuery) => Promise<AuditEntryReport[]>
  verifyAuditOffline: (home: Home) => Promise<AuditVerdictReport>
  logPlaces: (init: {
    env: NodeJS.ProcessEnv
    home: Home
    sources: readonly string[]
    allProfiles: boolean
  }) => Promise<LogPlace[]>
  readLogs: (
    places: readonly LogPlace[],
    options: { count: number; since?: number },
    follow: AbortSignal | undefined,
  ) => AsyncIterable<ShownLine[]>
  checkDependencies: (init: {
    home: Home
    env: NodeJS.ProcessEnv
    offline: boolean
    now: number
  }) => Promise<DependencyReport>
}
