import type { z } from 'zod'
import { ALERT_ROUTES } from './routes/alerts.ts'
import { APPROVAL_ROUTES } from './routes/approvals.ts'
import { ARTIFACT_ROUTES } from './routes/artifacts.ts'
import { ASK_ROUTES } from './routes/asks.ts'
import { BACKUP_ROUTES } from './routes/backups.ts'
import { BREAKER_ROUTES } from './routes/breakers.ts'
import { BUDGET_ROUTES } from './routes/budget.ts'
import { DAEMON_ROUTES } from './routes/daemon.ts'
import { FEED_ROUTES } from './routes/feeds.ts'
import { FLEET_ROUTES } from './routes/fleet.ts'
import { HTTP_ROUTES } from './routes/http.ts'
import { INVITE_ROUTES } from './routes/invites.ts'
import { JOB_ROUTES } from './routes/jobs.ts'
import { KEY_ROUTES } from './routes/keys.ts'
import { MCP_TOOL_ROUTES } from './routes/mcp-tools.ts'
import { MEMORY_ROUTES } from './routes/memory.ts'
import { MODEL_ROUTES } from './routes/models.ts'
import { NODE_ROUTES } from './routes/node.ts'
import { PEER_ROUTES } from './routes/peers.ts'
import { RECORD_ROUTES } from './routes/records.ts'
import type { StreamNameOf } from './routes/route.ts'
import { SESSION_ROUTES } from './routes/sessions.ts'
import { STRANGER_ROUTES } from './routes/strangers.ts'

/*
 * The control API: one table of routes, each with the schemas of what goes in and what comes out. The server makes
 * its handlers fit it, the client its calls. All times are ms since the epoch, or durations in ms.
 */

export const ROUTES = {
  ...NODE_ROUTES,
  ...DAEMON_ROUTES,
  ...HTTP_ROUTES,
  ...PEER_ROUTES,
  ...FLEET_ROUTES,
  ...ASK_ROUTES,
  ...ALERT_ROUTES,
  ...BACKUP_ROUTES,
  ...APPROVAL_ROUTES,
  ...KEY_ROUTES,
  ...STRANGER_ROUTES,
  ...INVITE_ROUTES,
  ...SESSION_ROUTES,
  ...MEMORY_ROUTES,
  ...BUDGET_ROUTES,
  ...BREAKER_ROUTES,
  ...MODEL_ROUTES,
  ...MCP_TOOL_ROUTES,
  ...JOB_ROUTES,
  ...FEED_ROUTES,
  ...ARTIFACT_ROUTES,
  ...RECORD_ROUTES,
}

export type Routes = typeof ROUTES
export type RouteName = keyof Routes
/** Routes that answer with a stream of server-sent events, and all others. */
export type StreamName = StreamNameOf<Routes>
export type CallName = Exclude<RouteName, StreamName>
export type Input<N extends RouteName> = z.input<Routes[N]['input']>
/** What a route answers; each item of it, for a stream. */
export type Output<N extends RouteName> = z.output<Routes[N]['output']>

// The command line sees the control API by this file alone.
export type { AlertReport } from './routes/alerts.ts'
export type { ApprovalReport, RememberedReport } from './routes/approvals.ts'
export type { ArtifactReport, DeliveryReport } from './routes/artifacts.ts'
export type { AskReport, AskStreamItem } from './routes/asks.ts'
export type {
  BackupAuthor,
  BackupReport,
  BackupRoute,
  BackupsReport,
  BackupSummary,
  MadeReport,
  VerifyReport,
} from './routes/backups.ts'
export type { BreakerReport } from './routes/breakers.ts'
export type {
  BudgetReport,
  CostRecordReport,
  CostSumReport,
  ScopeReport,
  SpentReport,
} from './routes/budget.ts'
export type {
  DaemonReport,
  ProfileDescription,
  ProfileReport,
  StartReport,
} from './routes/daemon.ts'
export type { FeedReport, ItemReport } from './routes/feeds.ts'
export type { FleetHint, FleetReport, FleetRow, FleetSample } from './routes/fleet.ts'
export type { HealthReport } from '../health/health-report.ts'
export type { TokenReport } from './routes/http.ts'
export type { InviteReport, JoinReport, PairingsReport } from './routes/invites.ts'
export type { JobReport, RunReport, TimesReport } from './routes/jobs.ts'
export type {
  DrillReport,
  KeyEventReport,
  KeyLogExport,
  KeyReport,
  LostNodeRoute,
  OfflineKeyRoute,
  PeerKeysReport,
  RetireReport,
  RotateReport,
  RotationReport,
  RotationRequestReport,
  SettlementReport,
} from './routes/keys.ts'
export type { McpServerReport } from './routes/mcp-tools.ts'
export type { NoteReport } from './routes/memory.ts'
export type { ModelReport, ModelTestReport } from './routes/models.ts'
export type { DoctorReport, MigrationStatus, SettingReport, StatusReport } from './routes/node.ts'
export type { ExplainReport, PeerReport, PingReport } from './routes/peers.ts'
export type {
  AuditEntryReport,
  AuditVerdictReport,
  DependencyReport,
  DiffReport,
  DigestReport,
  HeldReport,
  VulnerablePackage,
  WitnessReport,
} from './routes/records.ts'
export type { SessionReport, SessionView } from './routes/sessions.ts'
export type { StrangersReport } from './routes/strangers.ts'

/** The body of every answer that is not a success. */
export interface ErrorBody {
  error: {
    code: string
    /** For our own operator. */
    message: string
    details: Record<string, unknown>
    /** What to type next. */
    hint?: string
    /** True when a peer refused, false when this node did. */
    fromPeer: boolean
  }
}
