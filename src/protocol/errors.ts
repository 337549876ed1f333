/** What each failure carries: the key is its code, the value what a handler may need. */
export interface FailureDetails extends WireDetails {
  /** No connection to the peer could be made. `key` is the peer id of whoever is at its address, where one was proved. */
  unreachable: { peer: string; reason: string; key?: string }
  /** The link went away before the call's end. */
  'connection-lost': { peer: string }
  /** Bytes that are no message: `offset` is where reading stopped. */
  malformed: { what: string; offset?: number }
  /** A name or id that no pin has. */
  'unknown-peer': { name: string }
  /** An id that no ask of ours has. */
  'unknown-ask': { ask: string }
  /** An id that no alert of ours has. */
  'unknown-alert': { alert: string }
  /** An id that no approval of ours has, and no answer that is remembered. */
  'unknown-approval': { approval: string }
  /** A key that has not called, or is not remembered. */
  'unknown-stranger': { key: string }
  /** Nothing stands against the key log of this peer. */
  'not-frozen': { name: string }
  /** No branch, or more than one, ends in an event whose hash begins so. */
  'unknown-branch': { hash: string }
  /** A key or a node id that the owner has blocked. */
  blocked: { who: string }
  /** A list that forgets nothing by itself has no room left. */
  'list-full': { limit: number }
  /** A command or a flag that makes no sense. */
  usage: { what: string }
  /** A file that says something we cannot take; `line` and `column` count from 1. */
  'invalid-file': { path: string; line?: number; column?: number }
  /** A file or folder whose owner, mode or kind makes it untrustworthy. */
  'unsafe-file': { path: string; fix: string }
  /** A file or record that is damaged. */
  corrupt: { what: string }
  /** Something on disk that a later kith wrote, in a version of its format that we do not know. */
  'too-new': { what: string; version: number; known: number }
  /** A program of the owner's could not be started, or ended badly. */
  'program-failed': { program: string; why: string }
  /** A backup that nobody has signed, or not the node that it must be of. */
  'unproved-backup': { why: 'unsigned' | 'other-node' | 'other-key' }
  /** The disk refused a write. Nothing more is written until a restart. */
  'store-failed': { folder: string }
  /** `kith init` was never run here. */
  'no-identity': { home: string }
  /** The node has ended: no key of it is in force. */
  retired: { id: string }
  /** The key that rotates is not on this host. */
  'rotation-key-off-host': { id: string }
  /** Nothing was prepared that could be brought to its end. */
  'no-rotation': { home: string }
  /** What was prepared is for a key log that is no longer the one. */
  'rotation-outdated': { what: string }
  /** Words of a key that is not the one that is wanted. */
  'wrong-words': { what: string }
  /** This host keeps no rotation key for that node, or not the one that its log wants. */
  'key-not-kept': { node: string }
  /** There is something already where a new thing should go. */
  exists: { what: string }
  /** The passphrase does not open the keystore, or none was given. */
  passphrase: { given: boolean }
  /** Another process holds this home. */
  locked: { home: string; pid?: number }
  /** A request over HTTP without a token that is in force. */
  unauthorized: Record<string, never>
  /** The token is for other things: `scope` is the one that is wanted. */
  'out-of-scope': { scope: string }
  /** A request that a page of somebody else may have made: `header` tells it. */
  'foreign-request': { header: string }
  /** Others could reach this address, and that was not allowed or nothing would keep them out. */
  'unsafe-bind': { address: string; fix: string }
  /** A name or an id that no token has. */
  'unknown-token': { token: string }
  /** The system does not let us listen on these addresses. */
  'cannot-listen': { addresses: string }
  /** No daemon answers at this home's control socket. */
  'daemon-not-running': { home: string }
  /** A text that is no invite, or one that is no longer of use. */
  'bad-invite': { why: InviteFault }
  /** An id or a name that no invite has which is open. */
  'unknown-invite': { invite: string }
  /** A session that its asker does not have here. */
  'unknown-session': { session: string }
  /** A name that no breaker has. */
  'unknown-breaker': { name: string }
  /** A name that no job in jobs.yaml has. */
  'unknown-job': { job: string }
  /** The servers that keep the jobs of several nodes are away, or do not let us in. */
  'jobs-unreachable': { servers: string }
  /** An id that no run has which is kept. */
  'unknown-run': { run: string }
  /** An id that no item of this job's feed has, or not one that was set aside. */
  'unknown-item': { item: string }
  /** The item of a feed that a run had is to blame for its end: `name` is that of its file. */
  'item-failed': { item: string; name: string }
  /** An id that no result has which is kept. */
  'unknown-artifact': { artifact: string }
  /** A later run of the same job was put in its place. */
  replaced: Record<string, never>
  /** What was to be handed on did not get to where it should. */
  'delivery-failed': { to: string; why: string }
  /** A model that the config does not name. */
  'unknown-model': { model: string }
  /** Strangers are not let in, so that nobody could redeem an invite. */
  'lobby-off': Record<string, never>
  /** The node is stopping and takes no new work. */
  stopping: Record<string, never>
}

/** What can be wrong with the link of an invite. */
export type InviteFault = 'not a kith link' | 'unknown version' | 'damaged' | 'expired'

/** Failures that may cross the wire, each with one cause. PROTOCOL.md lists them. */
export interface WireDetails {
  /** Shown to oneself only: a stranger is told nothing. */
  'not-pinned': { peer: string }
  frozen: Record<string, never>
  rotated: Record<string, never>
  'bad-request': { what: string }
  'too-large': { bytes: number; limitBytes: number }
  'unsupported-verb': { verb: string }
  /** `rule` is the key of peers.yaml that decides, such as `allow`, `hours`, `until` or `depth`. */
  denied: { rule: string }
  'rate-limited': { retryAfterMs: number }
  /** `position` is how many asks of this peer stand before it. */
  busy: { position: number }
  cycle: { node: string }
  'budget-exhausted': { scope: string; resetAt: number }
  'breaker-open': { nextProbeAt: number }
  'approval-needed': { task: string }
  deadline: Record<string, never>
  cancelled: Record<string, never>
  interrupted: Record<string, never>
  /** `activeId` is the one that is in the way. */
  conflict: { activeId: string }
  /** `incident` finds the log line at the answerer's. */
  internal: { incident: string }
}

export type FailureCode = keyof FailureDetails
export type WireCode = keyof WireDetails

/** Each code that may cross the wire, and whether the same call may succeed later as it is. */
export const WIRE_CODES: Readonly<Record<WireCode, { retryable: boolean }>> = {
  'not-pinned': { retryable: false },
  frozen: { retryable: false },
  rotated: { retryable: true },
  'bad-request': { retryable: false },
  'too-large': { retryable: false },
  'unsupported-verb': { retryable: false },
  denied: { retryable: false },
  'rate-limited': { retryable: true },
  busy: { retryable: true },
  cycle: { retryable: false },
  'budget-exhausted': { retryable: true },
  'breaker-open': { retryable: true },
  'approval-needed': { retryable: true },
  deadline: { retryable: false },
  cancelled: { retryable: false },
  interrupted: { retryable: false },
  conflict: { retryable: false },
  internal: { retryable: true },
}

export function isWireCode(code: string): code is WireCode {
  return Object.hasOwn(WIRE_CODES, code)
}

/** The one error of this project. Its message is for our own operator and never crosses the wire. */
export class KithError<C extends FailureCode = FailureCode> extends Error {
  override readonly name = 'KithError'
  readonly code: C
  readonly details: FailureDetails[C]
  /** The command or edit that the operator should try next, when there is one. */
  readonly hint: string | undefined

  constructor(
    code: C,
    message: string,
    details: FailureDetails[C],
    options: { cause?: unknown; hint?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = details
    this.hint = options.hint
  }
}

/** What was thrown, as an error: some libraries reject with an event. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  return new Error(typeof thrown === 'string' ? thrown : 'the connection ended', { cause: thrown })
}

/** True for a `KithError`, of this code when one is given. Narrows `details`. */
export function isFailure<C extends FailureCode>(err: unknown, code?: C): err is KithError<C> {
  return err instanceof KithError && (code === undefined || err.code === code)
}
