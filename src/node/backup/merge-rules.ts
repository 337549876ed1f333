/**
 * What becomes of a kind of rows when a home is restored. The home that is there counts where it can be read and has
 * started as often as the one in the backup, at least: then it knows more.
 *
 * - `backup`: they are those of the backup. They are what a restore is for.
 * - `home`: they are those of the home, all of them; without one, those of the backup.
 * - `home-or-none`: they are those of the home; without one, there are none.
 * - `union`: they are those of both; where both have one, that of the home.
 * - `none`: there are none.
 * - `apart`: `mergeRows` has a function for them.
 */
export type MergeRule = 'backup' | 'home' | 'home-or-none' | 'union' | 'none' | 'apart'

/**
 * The rule of each kind of rows that a node keeps, by the name of its sublevel; docs/backup.md says why. What is
 * still open in those of the backup is closed by `settleRestored`.
 */
export const MERGE_RULES: Readonly<Record<string, MergeRule>> = {
  meta: 'backup',
  epoch: 'apart',
  'peer-epochs': 'home',
  audit: 'home',
  'audit-ends': 'home',
  'audit-heads': 'home',
  'audit-held': 'union',
  'audit-contradictions': 'union',
  states: 'home',
  'state-contents': 'home',
  'backup-log': 'home',
  'backup-log-ends': 'home',

  'key-logs': 'apart',
  receipts: 'union',
  'rotation-requests': 'home-or-none',
  blocked: 'union',
  denied: 'home',
  byes: 'home',
  strangers: 'home',
  invites: 'home',
  joins: 'home',

  asks: 'apart',
  'asks-open': 'apart',
  'asks-forgotten': 'apart',
  'asks-by-id': 'apart',
  'asks-ended': 'apart',
  'ask-calls': 'backup',
  'ask-events': 'backup',
  'ask-journal': 'apart',
  'ask-journal-ends': 'apart',
  'ask-bytes': 'home',

  budget: 'home',
  'budget-open': 'home',
  costs: 'home',
  'costs-ends': 'home',
  breakers: 'home',
  approvals: 'home',
  'approval-checkpoints': 'none',
  'remembered-answers': 'home-or-none',
  'mcp-tools': 'union',
  // One that was revoked after the backup stays so.
  'http-tokens': 'home-or-none',
  'http-logins': 'none',
  tasks: 'backup',
  'task-keys': 'backup',
  'fleet-peers': 'home',
  'fleet-samples': 'home',
  'policy-counts': 'home',
  alerts: 'home',
  'alert-sendings': 'home-or-none',
  sessions: 'backup',
  'session-messages': 'backup',
  'session-compactions': 'backup',

  jobs: 'home',
  runs: 'home',
  'runs-open': 'home',
  'runs-failed': 'home',
  'runs-by-job': 'home',
  'shared-runs': 'home',
  artifacts: 'home',
  'artifacts-made': 'home',
  deliveries: 'home',
  'deliveries-open': 'home',
  'deliveries-order': 'home',
  feeds: 'home',
  'feed-files': 'home',
  'feed-items': 'home',
  'feed-contents': 'home',
}
