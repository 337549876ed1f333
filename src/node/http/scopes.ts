import type { RouteName } from '../control/api.ts'

/** Routes of the control API that only show how things stand: a token of scope `read` is enough. */
export const READ_ROUTES: ReadonlySet<RouteName> = new Set<RouteName>([
  ...(['status', 'health', 'doctor', 'peers', 'explain', 'peerKeys'] as const),
  ...(['asks', 'showAsk', 'askEvents', 'alerts', 'alertEvents'] as const),
  ...(['approvals', 'approvalEvents', 'showApproval', 'rememberedAnswers'] as const),
  ...(['backups', 'backupProgress', 'budget', 'costs', 'breakers', 'models', 'mcpTools'] as const),
  ...(['jobs', 'showJob', 'nextTimes', 'runs', 'runEvents', 'showRun', 'feed'] as const),
  ...(['artifacts', 'showArtifact', 'strangers', 'invites', 'sessions', 'showSession'] as const),
  ...(['audit', 'verifyAudit', 'auditWitnesses', 'auditHeld', 'diff', 'digest'] as const),
  ...(['key', 'exportKeyLog', 'fleet', 'fleetHistory', 'fleetEvents'] as const),
])

/**
 * Routes that the unix socket alone serves. Words, passphrases and secret keys go over no TCP connection, a token makes
 * no tokens, and no browser opens another one.
 */
export const SOCKET_ROUTES: ReadonlySet<RouteName> = new Set<RouteName>([
  ...([
    'rotate',
    'requestRotation',
    'completeRotation',
    'inspectRotation',
    'signRotation',
  ] as const),
  ...(['keepRotationKey', 'exportRotationKey', 'forgetRotationKey', 'drillRotation'] as const),
  ...(['checkRecovery', 'prepareRecovery', 'commitRecovery', 'retire'] as const),
  ...(['createBackup', 'exportJobs'] as const),
  ...(['daemon', 'reloadDaemon', 'stopDaemon', 'noteRefusal'] as const),
  ...(['createToken', 'revokeToken', 'dashboard'] as const),
])
