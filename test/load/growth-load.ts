/*
 * What one busy node does in a day, and how much of it is to be kept: docs/retention.md has the rules in words.
 */

/** What happens in a day. All but the peers are spread over the day. */
export interface DayLoad {
  peers: number
  ownAsks: number
  peerAsks: number
  darkAsks: number
  tasks: number
  runs: number
  failedRuns: number
  hooks: number
  items: number
  approvals: number
  alerts: number
  strangers: number
  denials: number
  refusals: number
  records: number
  backups: number
  edits: number
  logins: number
}

/** One busy node. */
export const BASE_LOAD: DayLoad = {
  // The nodes of a small group, each looked at every minute.
  peers: 2,
  // Its owner asks something every hour that he is awake, in some hundred sessions that he comes back to.
  ownAsks: 20,
  // So do its peers, all together.
  peerAsks: 20,
  // Some asks are for a peer that is away, and wait for it for half a day.
  darkAsks: 2,
  // A program of the owner submits these over HTTP, each with a key.
  tasks: 10,
  // A job an hour that asks the node, and puts the answer into a file.
  runs: 24,
  // One that fails.
  failedRuns: 2,
  // One whose webhook has gone: its deliveries are tried for a day, and then dead.
  hooks: 1,
  // Files that a feed takes, an ask each.
  items: 6,
  // Calls of tools that a person says no to.
  approvals: 3,
  // What the owner is told of, and acknowledges in the evening.
  alerts: 10,
  // Keys that nobody has pinned, each from a network of its own; the owner denies one of four.
  strangers: 12,
  // Calls of peers that are refused: counted.
  denials: 200,
  // As many asks that are let in, each with a trace.
  refusals: 50,
  // Entries of the audit log, by what the owner does.
  records: 10,
  // Backups that are made, read back and removed.
  backups: 2,
  // Notes that are written into MEMORY.md.
  edits: 4,
  // Browsers that log in, and tokens that are made and revoked.
  logins: 2,
}

/** A load so many times over. */
export function times(load: DayLoad, factor: number): DayLoad {
  const many = { ...load }
  for (const name of Object.keys(load) as (keyof DayLoad)[]) many[name] *= factor
  return many
}

/** Most that a class of rows may have. */
export interface ClassCap {
  rows: number
  /** Of keys and values. */
  bytes: number
}

/** Whatever is pruned each hour has grown for an hour, and a little: so much of a day. */
const HOUR = 1.1 / 24

/** A class that a node has few of, whatever it does. */
const FEW = 8

/** Sessions of one asker, and messages of one session (`SESSIONS_DEFAULTS`). */
const SESSIONS = 64
const SESSION_MESSAGES = 1_000

/**
 * Most that may be there of each class of rows after `days` of this load, by the name of its sublevel: what the rules
 * keep of what has come until then.
 */
export function capsOf(load: DayLoad, days: number): Record<string, ClassCap> {
  const { peers } = load
  const runs = load.runs + load.failedRuns + load.hooks + 3 * load.items + FEW
  const asks = load.ownAsks + load.peerAsks + load.tasks + load.approvals + load.darkAsks + runs
  // Kept for a day after their end, which those of the dark peer have half a day later.
  const askRows = asks * (1 + HOUR) + load.darkAsks + FEW
  const sessions = SESSIONS * (peers + 1)
  const messages = Math.min(2 * asks * days, sessions * SESSION_MESSAGES)
  // What the owner does is an entry each, and what a peer is refused is one in ten minutes.
  const actions = load.records + load.edits + load.approvals + 3 * load.logins + FEW
  const results = Math.min(runs * days, 2_000 + 2_000) + 200
  /** What so many a day have become, of which so many are kept. */
  const capped = (most: number, perDay: number): number =>
    Math.min(most + perDay * HOUR, perDay * days)
  const few = (rows: number, rowBytes = 1_024): ClassCap => ({ rows, bytes: rows * rowBytes })
  return {
    meta: few(2),
    epoch: few(1),
    'peer-epochs': few(peers),
    audit: few(capped(50_000, actions + 145 * peers)),
    'audit-ends': few(2),
    'audit-heads': few(Math.min(402, days + 2)),
    'audit-held': few(30 * peers),
    'audit-contradictions': few(29 * peers, 2_048),
    states: few(Math.min(1_200, (load.edits + 1) * days + FEW)),
    'state-contents': { rows: 4 * 1_200, bytes: 16_777_216 },
    'backup-log': few(capped(21_000, 3 * load.backups)),
    'backup-log-ends': few(2),

    'key-logs': few(peers, 16_384),
    receipts: few(peers),
    'rotation-requests': few(peers),
    blocked: few(1_024),
    // One row each, which is a list of 256 and of 20.
    denied: few(1, 32_768),
    strangers: few(1, 8_192),
    byes: few(peers),
    invites: few(256, 4_096),
    joins: few(256, 4_096),

    asks: few(askRows),
    'asks-open': few(load.darkAsks + FEW * FEW),
    'asks-forgotten': few(peers + 1),
    'asks-by-id': few(askRows),
    'asks-ended': few(askRows),
    'ask-calls': few(askRows, 4_096),
    'ask-events': few(4 * askRows, 2_048),
    'ask-journal': few(10 * askRows),
    'ask-journal-ends': few(2),
    'ask-bytes': few(peers),

    // A year of days, with a row for each asker, job and model; and what each ask has spent, for a week after its deadline.
    budget: few((peers + FEW) * (days + 1) + asks * Math.min(days, 8.2)),
    'budget-open': few(FEW * FEW),
    costs: few(capped(200_000, asks)),
    'costs-ends': few(2),
    breakers: few(FEW + peers),
    approvals: few(200 + FEW),
    'approval-checkpoints': few(2 * FEW, 4_096),
    'remembered-answers': few(256),
    'mcp-tools': few(0),
    'http-tokens': few(64),
    'http-logins': few(8),
    tasks: few(load.tasks * (1 + HOUR) + FEW),
    'task-keys': few(load.tasks * (1 + HOUR) + FEW),
    'fleet-peers': few(peers, 4_096),
    'fleet-samples': few(Math.min(20_000, 2_000 * peers, 150 * peers * days) + 8 * peers),
    'policy-counts': few(peers, 16_384),
    alerts: few(200, 2_048),
    'alert-sendings': few(200),
    sessions: few(sessions, 4_096),
    'session-messages': few(messages, 4_096),
    'session-compactions': few(32 * sessions),

    jobs: few(FEW),
    runs: few(capped(25_000, runs), 2_048),
    'runs-open': few(64 + FEW),
    'runs-failed': few(capped(5_000, load.failedRuns + FEW)),
    'runs-by-job': few(capped(25_000, runs)),
    'shared-runs': few(1),
    artifacts: few(results, 2_048),
    'artifacts-made': few(results, 8_192),
    deliveries: few(capped(25_000, runs)),
    'deliveries-open': few(3 * load.hooks + FEW),
    'deliveries-order': few(FEW),
    feeds: few(1, 8_192),
    'feed-files': few(capped(20_000, load.items + 1)),
    'feed-items': few(capped(21_000, load.items + 1)),
    'feed-contents': few(FEW, 4_096),
  }
}

/** Most that the files of one log may have together: five of 4 MiB, and of 1 MiB for `service.log`; a line over. */
export function logCapOf(name: string): number {
  return 5 * (name === 'service.log' ? 1_048_576 : 4_194_304) + 4_096
}

/**
 * Most that the folder of the store may have for so many bytes of rows: as it is left, with what LevelDB has not cleared
 * away yet; and once it is compacted.
 */
export function folderCapsOf(liveBytes: number): { left: number; compacted: number } {
  return { left: 2 * liveBytes + 33_554_432, compacted: liveBytes + 4_194_304 }
}
