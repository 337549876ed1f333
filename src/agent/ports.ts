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
  /** Each of them has to cover a tool that this ask reaches: what is granted, and what its asker wants at most. */
  presets: readonly Preset[]
  /** Classes of tools that wait for a person, such as `write`. */
  approve: readonly string[]
  /** When the caller aborts the signal with a `deadline`, in ms since the epoch: to plan by, not to enforce. */
  deadlineAt: number
  /** Ids of the nodes that it came through, its first asker first. This node is not among them. */
  chain: readonly string[]
  /** What it may cost at most, as its asker has it. */
  budget?: SpendLimit
  /** What of the owner's it is a part of. An ask of a peer has none. */
  job?: Job
  /** Where it goes on, when the node stopped while it waited for a person. */
  resume?: Parked
}

/** Most that something may cost. */
export interface SpendLimit {
  /** Millionths of a US dollar. */
  microUsd?: number
  tokens?: number
}

/** Work of the owner that has a name. All its asks of a day count together. */
export interface Job {
  name: string
  /** For a day. */
  cap: SpendLimit
}

/** An ask that waits for a person, so that it can go on in another process. */
export interface Parked {
  /** Id of the approval that it waits for. */
  approval: string
  /** All that its engine needs to go on: of that engine's own making. */
  checkpoint: Uint8Array
}

/** The process that an ask was answered by, and how that ended, if it has. */
export interface ProgramRun {
  pid: number | undefined
  exitCode?: number | undefined
  signal?: string | undefined
}

/** The bad end of an ask. `message` is for our own operator and never crosses the wire. */
export type EngineFailure<C extends WireCode = WireCode> = {
  [K in C]: { kind: 'failed'; code: K; details: WireDetails[K]; message: string }
}[C]

/** What becomes of the call of a tool: `begun` comes first, and then one of the others. */
export interface ToolEvent {
  kind: 'tool'
  /** Tells the calls of one ask apart. */
  call: string
  name: string
  state: 'begun' | 'done' | 'failed' | 'denied'
}

/**
 * A call of a tool waits for a person, or has waited. Its ask is `waiting-approval` on disk once the event that
 * follows `waiting` is asked for, and `running` once the one that follows another state is.
 */
export interface ApprovalEvent {
  kind: 'approval'
  /** Id of the approval. */
  approval: string
  state: 'waiting' | 'granted' | 'denied' | 'expired'
  /** What would be done, in one line. */
  what: string
}

export type EngineEvent =
  | { kind: 'text'; text: string }
  | { kind: 'progress'; note: string }
  | ToolEvent
  | ApprovalEvent
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

/** Something that the node does by itself at certain times. */
export interface JobFact {
  name: string
  /** When it is due, in one line. */
  schedule: string
  /** How it stands, in one word. */
  standing: string
  running: boolean
  /** In ms since the epoch. */
  nextAt?: number
  lastSuccessAt?: number
}

/** One execution of a job. */
export interface RunFact {
  id: string
  job: string
  state: string
  /** `self`, or the local name of the peer that has started it. */
  by: string
  /** The time it is for, in ms since the epoch. */
  at: number
  /** Why it failed: a code. */
  why?: string
}

/** What the builtin engine may know of the node it runs in. */
export interface NodeFacts {
  describe(): NodeDescription
  peers(): readonly PeerFact[]
  /** Asks of every asker, the newest first. */
  asks(): Promise<readonly AskFact[]>
  /** In the order of jobs.yaml. */
  jobs(): readonly JobFact[]
  /** Runs of jobs, the newest first. */
  runs(): Promise<readonly RunFact[]>
  /** In ms since the epoch. */
  now(): number
  /** IANA name of the time zone, such as `Europe/Madrid`. */
  zone(): string
}

/** What one call of a provider has used. */
export interface Usage {
  /** `openrouter/anthropic/claude-opus-4.8`: our name for the provider, then its name for the model. */
  model: string
  inputTokens: number
  outputTokens: number
  /** Millionths of a US dollar; undefined when the price is not known. */
  microUsd: number | undefined
  /** True if the provider did not say how many tokens there were. */
  estimated: boolean
}

/** Keeps spending below every cap: those of the ask, its job, its asker's day and the node's. */
export interface Budget {
  /**
   * Takes what `most` says from each scope of this ask, on disk when this resolves. Nothing may be spent before.
   *
   * @throws {KithError} `budget-exhausted` when a cap leaves less; with a cap in money, also for an unknown price
   */
  reserve(ask: EngineAsk, most: Usage): Promise<Reservation>
  /** The most that `reserve` may take for this ask now. Where no cap counts in a measure, that measure is absent. */
  left(ask: EngineAsk): SpendLimit
}

/** What was taken and is not spent yet. A crash settles it at its whole amount. */
export interface Reservation {
  /** Gives back what was not used, and writes the cost record. Once. */
  settle(used: Usage): Promise<void>
  /** Aborted when a scope is used up meanwhile. */
  readonly exhausted: AbortSignal
}

/** Keeps calls away from what fails: one breaker for each name, such as `provider openrouter`. */
export interface Breakers {
  /** Lets a call through, whose outcome has to be told once. @throws {KithError} `breaker-open` */
  enter(name: string): Attempt
}

/** A call that a breaker let through. */
export interface Attempt {
  succeeded(): void
  failed(): void
  /** It ended for a reason that says nothing about the other side, such as a cancel. */
  withdrawn(): void
}

/** A call of a tool that has to wait for a person. */
export interface ApprovalRequest {
  ask: EngineAsk
  tool: string
  toolClass: string
  /** What would be done, in one line without control characters. */
  what: string
  /** All of it, where `what` is an account. */
  details?: string
  /** Calls that are alike have one key: an answer for the session, or for always, is for this key. */
  key: string
  /** True where a yes is for this one call, whatever the person has said. */
  onceOnly: boolean
  checkpoint: Uint8Array
}

export type ApprovalState = 'granted' | 'denied' | 'expired'

/** Where calls of tools wait for a person. */
export interface Approvals {
  /** The answer that was given for all calls with this key, in this session or for always. */
  remembered(request: Pick<ApprovalRequest, 'ask' | 'tool' | 'key'>): 'granted' | undefined
  /** True for an approval that was opened for a call like this. */
  isFor(approval: string, call: Pick<ApprovalRequest, 'tool' | 'key'>): boolean
  /** Asks, and gives the id of the approval. On disk when this resolves. */
  open(request: ApprovalRequest): Promise<string>
  /** Resolves with the answer, `expired` when none came in time. @throws the signal's reason */
  wait(approval: string, signal: AbortSignal): Promise<ApprovalState>
}

/** Something that was said in a session. */
export interface Message {
  role: 'user' | 'assistant'
  text: string
  /** In ms since the epoch. */
  at: number
}

/** What was said before in the session of an ask: that of its asker, and of nobody else. */
export interface Sessions {
  /** Empty for an ask without a session. */
  read(ask: EngineAsk): Promise<SessionHistory>
  /** Adds to it, for an ask that has a session. On disk when this resolves. */
  append(ask: EngineAsk, messages: readonly Message[]): Promise<void>
  /**
   * Lets the summary stand for what was said before `upTo` from now on. The originals are kept. One that was made of
   * less than what a summary stands for already comes too late, and changes nothing.
   */
  compact(ask: EngineAsk, compaction: Compaction): Promise<void>
}

/** What was said in a session since its last compaction, which comes as `summary`. */
export interface SessionHistory {
  summary?: string
  /** Oldest first. */
  messages: readonly Message[]
  /** Number of the first of them, or of the next to come: from 0, from the beginning of the session on. */
  from: number
}

export interface Compaction {
  summary: string
  /** Number of the first message that still counts by itself. */
  upTo: number
  trigger: 'tokens' | 'messages' | 'person'
  tokensBefore: number
  tokensAfter: number
  /** True if the summary had to be cut. */
  truncated: boolean
}
