import type { AskState } from '../protocol/ask.ts'
import type { WireCode, WireDetails } from '../protocol/errors.ts'

/** What tools an ask may reach; `presets.ts` knows their order. */
export type Preset = string

/** The name under which the owner of this node asks. No peer can have it. */
export const OWNER_NAME = 'self'

export interface Asker {
  /** Our local name for the peer, or `self` for the owner. */
  name: string
  /** Node id, `kith1…`. */
  id: string
}

/** One question, as an engine gets it: all checks on the call itself are done. */
export interface EngineAsk {
  id: string
  asker: Asker
  text: string
  session?: string
  preset: Preset
  /** Classes of tools that wait for a person, such as `write`. */
  approve: readonly string[]
  /** When the caller aborts the signal with a `deadline`, in ms since the epoch: to plan by, not to enforce. */
  deadlineAt: number
}

/** The bad end of an ask. `message` is for our own operator and never crosses the wire. */
export type EngineFailure<C extends WireCode = WireCode> = {
  [K in C]: { kind: 'failed'; code: K; details: WireDetails[K]; message: string }
}[C]

export type EngineEvent =
  | { kind: 'text'; text: string }
  | { kind: 'progress'; note: string }
  | { kind: 'done' }
  | EngineFailure

/**
 * What thinks. Events end with exactly one `done` or `failed`; nothing of the engine still runs then.
 *
 * - An aborted signal ends the ask within `ABORT_GRACE_MS`, as `abortFailure` says.
 * - An engine does not throw: what it can foresee is a failure, the rest `Agent` turns into `internal`.
 * - Asks may run at the same time and do not see each other.
 */
export interface Engine {
  readonly name: string
  run(ask: EngineAsk, signal: AbortSignal): AsyncIterable<EngineEvent>
}

export interface NodeDescription {
  /** The owner's name for this node. */
  name?: string
  id: string
  /** The fingerprint of the id, as words to compare aloud. */
  words: string
  /** Name and version of this program. */
  software: string
  uptimeMs: number
}

export interface PeerFact {
  name: string
  connected: boolean
  /** In ms since the epoch; absent before the first connection. */
  lastSeenAt?: number
}

export interface AskFact {
  id: string
  /** Local name of the asker. */
  asker: string
  state: AskState
  /** When it was received, in ms since the epoch. */
  at: number
}

/** What the builtin engine may know of the node it runs in. */
export interface NodeFacts {
  describe(): NodeDescription
  peers(): readonly PeerFact[]
  /** Asks of every asker, the newest first. */
  asks(): Promise<readonly AskFact[]>
  /** In ms since the epoch. */
  now(): number
  /** IANA name of the time zone, such as `Europe/Madrid`. */
  zone(): string
}
