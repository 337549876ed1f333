import { getSystemErrorMessage, inspect } from 'node:util'
import { isFailure, isWireCode } from '../protocol/errors.ts'
import type { WireCode } from '../protocol/errors.ts'
import { singleLine } from '../protocol/text.ts'
import { RefusedByPeer } from '../node/control/client.ts'
import type { ErrorBody } from '../node/control/api.ts'
import { EXIT, exitCodeOf } from './exit-codes.ts'
import type { ExitCode, FailureOrigin } from './exit-codes.ts'
import { durationText, timeText } from './time-text.ts'

type Details = Record<string, unknown>

/** The last point in time that a `Date` can be, in ms since the epoch (ECMA-262 §21.4.1.1). */
const MAX_DATE_MS = 8_640_000_000_000_000

/** Ctrl-C, or a signal that means the same. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'

  constructor() {
    super('interrupted')
  }
}

/** An ask that ended without its answer. */
export class AskFailed extends Error {
  override readonly name = 'AskFailed'
  readonly code: string
  readonly details: Details
  /** Our name for the answerer, or `self`. */
  readonly peer: string
  readonly ask: string

  constructor(init: { code: string; details: Details; peer: string; ask: string }) {
    super(`ask ${init.ask} failed: ${init.code}`)
    this.code = init.code
    this.details = init.details
    this.peer = init.peer
    this.ask = init.ask
  }

  /** What crosses the wire comes from the peer; the rest, such as `unreachable`, is our own node's word. */
  get origin(): FailureOrigin {
    if (this.peer === 'self') return 'self'
    if (this.code === 'breaker-open' && this.details['by'] === 'here') return 'here'
    return isWireCode(this.code) && this.code !== 'not-pinned' ? 'peer' : 'here'
  }
}

/** A failure as it is shown, and the exit code it leads to. */
export interface FailureReport {
  error: ErrorBody['error']
  exitCode: ExitCode
}

/** What to say of anything that was thrown. */
export function reportFailure(err: unknown): FailureReport {
  if (err instanceof AskFailed) return askReport(err)
  if (err instanceof RefusedByPeer) return peerReport('the peer', err.code, err.details)
  if (err instanceof Interrupted) {
    const error = { code: 'cancelled', message: err.message, details: {}, fromPeer: false }
    return { error, exitCode: EXIT.interrupted }
  }
  if (isFailure(err)) {
    const { code, hint, message } = err
    const details = { ...err.details }
    const error = {
      code,
      message,
      details,
      ...(hint === undefined ? {} : { hint }),
      fromPeer: false,
    }
    return { error, exitCode: exitCodeOf(code, 'here') }
  }
  if (isHangUp(err)) {
    const code = 'daemon-not-running'
    const message = 'the node went away before it answered'
    const error = { code, message, details: {}, hint: 'kith status', fromPeer: false }
    return { error, exitCode: exitCodeOf(code, 'here') }
  }
  // The system has said what is wrong; a stack is for what only we can explain.
  const message = isSystemError(err) ? systemText(err) : inspect(err)
  return {
    error: { code: 'internal', message, details: {}, fromPeer: false },
    exitCode: EXIT.failed,
  }
}

function isSystemError(err: unknown): err is NodeJS.ErrnoException {
  return err instanceof Error && 'syscall' in err
}

/** `/mnt/usb/a.age: no such file or directory`: of a file, what the system says without its code and call. */
function systemText(err: NodeJS.ErrnoException): string {
  const { errno, message, path } = err
  return path === undefined || errno === undefined
    ? message
    : `${path}: ${getSystemErrorMessage(errno)}`
}

/** True when the node closed its control socket in the middle of an answer. */
export function isHangUp(err: unknown): boolean {
  return (
    err instanceof Error && 'code' in err && (err.code === 'ECONNRESET' || err.code === 'EPIPE')
  )
}

function askReport(failed: AskFailed): FailureReport {
  const { ask, code, origin, peer } = failed
  const details = { ...failed.details, ask }
  if (origin === 'peer') return peerReport(peer, code, details)
  const subject = peer === 'self' ? 'this node' : peer
  const message = sentence(subject, HERE_PHRASES[code] ?? phraseOf(code), code, details)
  const hint = origin === 'here' ? { hint: hereHint(peer, code) } : {}
  const error = { code, message, details, ...hint, fromPeer: false }
  return { error, exitCode: exitCodeOf(code, origin) }
}

function peerReport(peer: string, code: string, details: Details): FailureReport {
  const hint = hintOf(code, details)
  const error = {
    code,
    message: sentence(peer, phraseOf(code), code, details),
    details,
    ...(hint === undefined ? {} : { hint }),
    fromPeer: true,
  }
  return { error, exitCode: exitCodeOf(code, 'peer') }
}

function hereHint(peer: string, code: string): string {
  return code === 'breaker-open' ? `kith breaker reset 'peer ${peer}'` : `kith peers show ${peer}`
}

const HERE_PHRASES: Readonly<Record<string, string>> = {
  unreachable: 'could not be reached',
  'connection-lost': 'went away before its answer was whole',
  'not-pinned': 'is not pinned here any more',
  'breaker-open': 'has failed too often, and is left alone for a while',
}

const PEER_PHRASES: Readonly<Record<WireCode, string>> = {
  'not-pinned': 'has not pinned this node',
  frozen: 'has frozen this node',
  rotated: 'knows a newer key of this node',
  'bad-request': 'cannot take this',
  'too-large': 'does not take that much',
  'unsupported-verb': 'does not know this call',
  denied: 'refused',
  'rate-limited': 'takes no more calls for now',
  busy: 'has too much to do',
  cycle: 'has seen this ask before',
  'budget-exhausted': 'has spent its budget',
  'breaker-open': 'has stopped asking its model for now',
  'approval-needed': 'waits for a person to approve this',
  deadline: 'did not answer in time',
  cancelled: 'ended this, as it was told',
  interrupted: 'was stopped while it worked on this',
  conflict: 'has another ask of this id',
  internal: 'failed',
}

function phraseOf(code: string): string {
  return isWireCode(code) ? PEER_PHRASES[code] : 'failed'
}

/** `bob refused (denied, rule: allow)`. Details may be a peer's words. */
function sentence(subject: string, phrase: string, code: string, details: Details): string {
  const parts = Object.entries(details)
    .filter(([key]) => key !== 'peer' && key !== 'by')
    .map(([key, value]) => `${key}: ${isTime(key, value) ? timeText(value) : plainText(value)}`)
  return `${subject} ${phrase} (${[code, ...parts].map((part) => singleLine(part, 200)).join(', ')})`
}

/** A point in time, such as `nextProbeAt`. A peer may send a number that is none. */
function isTime(key: string, value: unknown): value is number {
  return key.endsWith('At') && typeof value === 'number' && Math.abs(value) <= MAX_DATE_MS
}

function plainText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** What lets us in there, by the rule that keeps us out. */
const REMEDIES: ReadonlyMap<unknown, string> = new Map([
  ['allow', 'kith peers allow NAME GRANT'],
  ['run_by', 'kith jobs edit JOB --run-by NAME'],
  ['enabled', 'kith jobs enable JOB'],
  ['paused', 'kith jobs resume JOB'],
])

function hintOf(code: string, details: Details): string | undefined {
  const { retryAfterMs, rule } = details
  if (code === 'rate-limited' && typeof retryAfterMs === 'number') {
    return `again in ${durationText(retryAfterMs)}`
  }
  const remedy = code === 'denied' ? REMEDIES.get(rule) : undefined
  if (remedy !== undefined) return `ask its owner, who can type: ${remedy}`
  // Two key logs of ours stand against each other there, or it holds one that goes on after ours.
  if (code === 'frozen') return 'kith key recover'
  if (code === 'rotated') return 'kith key status'
  return undefined
}
