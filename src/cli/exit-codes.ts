import type { FailureCode, WireCode } from '../protocol/errors.ts'

/** What a command can end with. Part of the interface: scripts branch on it. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  noAnswer: 3,
  refusedByPeer: 4,
  refusedHere: 5,
  notRunning: 6,
  needsPerson: 7,
  /** `EX_TEMPFAIL` of sysexits(3). */
  tryLater: 75,
  /** 128 + SIGINT, as a shell has it. */
  interrupted: 130,
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Who failed: our node or this command, our node's own answer to an ask to `self`, or a peer. */
export type FailureOrigin = 'here' | 'self' | 'peer'

/** The exit code of a failure. A code that we do not know comes from a newer peer, which refused all the same. */
export function exitCodeOf(code: string, origin: FailureOrigin): ExitCode {
  if (origin === 'peer') return codeIn(FROM_PEER, code) ?? EXIT.refusedByPeer
  // Time is up for an answer of our own: no peer kept us waiting.
  if (origin === 'self' && code === 'deadline') return EXIT.failed
  return codeIn(FROM_HERE, code) ?? EXIT.failed
}

const FROM_HERE: Readonly<Record<FailureCode, ExitCode>> = {
  usage: EXIT.usage,
  'bad-invite': EXIT.usage,

  unreachable: EXIT.noAnswer,
  'connection-lost': EXIT.noAnswer,
  deadline: EXIT.noAnswer,

  denied: EXIT.refusedHere,
  frozen: EXIT.refusedHere,
  'not-pinned': EXIT.refusedHere,
  'too-large': EXIT.refusedHere,
  cycle: EXIT.refusedHere,
  'unsafe-file': EXIT.refusedHere,
  'unproved-backup': EXIT.refusedHere,
  blocked: EXIT.refusedHere,
  'lobby-off': EXIT.refusedHere,
  unauthorized: EXIT.refusedHere,
  'out-of-scope': EXIT.refusedHere,
  'foreign-request': EXIT.refusedHere,
  'unsafe-bind': EXIT.refusedHere,

  'daemon-not-running': EXIT.notRunning,

  'approval-needed': EXIT.needsPerson,
  passphrase: EXIT.needsPerson,

  'rate-limited': EXIT.tryLater,
  busy: EXIT.tryLater,
  'budget-exhausted': EXIT.tryLater,
  'breaker-open': EXIT.tryLater,
  stopping: EXIT.tryLater,

  'bad-request': EXIT.failed,
  'unsupported-verb': EXIT.failed,
  rotated: EXIT.failed,
  cancelled: EXIT.failed,
  interrupted: EXIT.failed,
  conflict: EXIT.failed,
  internal: EXIT.failed,
  malformed: EXIT.failed,
  'unknown-peer': EXIT.failed,
  'unknown-ask': EXIT.failed,
  'unknown-alert': EXIT.failed,
  'unknown-approval': EXIT.failed,
  'unknown-stranger': EXIT.failed,
  'not-frozen': EXIT.failed,
  'unknown-branch': EXIT.failed,
  'unknown-invite': EXIT.failed,
  'unknown-session': EXIT.failed,
  'unknown-breaker': EXIT.failed,
  'unknown-job': EXIT.failed,
  'unknown-run': EXIT.failed,
  'unknown-token': EXIT.failed,
  'jobs-unreachable': EXIT.tryLater,
  'unknown-item': EXIT.failed,
  'item-failed': EXIT.failed,
  replaced: EXIT.failed,
  'unknown-artifact': EXIT.failed,
  'delivery-failed': EXIT.failed,
  'unknown-model': EXIT.failed,
  'list-full': EXIT.failed,
  'invalid-file': EXIT.failed,
  corrupt: EXIT.failed,
  'too-new': EXIT.failed,
  'program-failed': EXIT.failed,
  'store-failed': EXIT.failed,
  'no-identity': EXIT.failed,
  retired: EXIT.failed,
  'rotation-key-off-host': EXIT.failed,
  'no-rotation': EXIT.failed,
  'rotation-outdated': EXIT.failed,
  'wrong-words': EXIT.failed,
  'key-not-kept': EXIT.failed,
  exists: EXIT.failed,
  locked: EXIT.failed,
  'cannot-listen': EXIT.failed,
}

const FROM_PEER: Readonly<Record<WireCode, ExitCode>> = {
  'not-pinned': EXIT.refusedByPeer,
  frozen: EXIT.refusedByPeer,
  rotated: EXIT.refusedByPeer,
  'bad-request': EXIT.refusedByPeer,
  'too-large': EXIT.refusedByPeer,
  'unsupported-verb': EXIT.refusedByPeer,
  denied: EXIT.refusedByPeer,
  cycle: EXIT.refusedByPeer,
  conflict: EXIT.refusedByPeer,

  'rate-limited': EXIT.tryLater,
  busy: EXIT.tryLater,
  'budget-exhausted': EXIT.tryLater,
  'breaker-open': EXIT.tryLater,

  'approval-needed': EXIT.needsPerson,
  deadline: EXIT.noAnswer,

  // It took the call and did not bring it to its end: no refusal.
  cancelled: EXIT.failed,
  interrupted: EXIT.failed,
  internal: EXIT.failed,
}

function codeIn(table: Readonly<Record<string, ExitCode>>, code: string): ExitCode | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined
}
