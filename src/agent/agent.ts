import { MAX_EVENT_TEXT_BYTES } from '../protocol/limits.ts'
import { singleLine, terminalSafe } from '../protocol/text.ts'
import { codePointEnd } from './cut.ts'
import { abortFailure, failed, failureOf } from './failure.ts'
import type { Engine, EngineAsk, EngineEvent, EngineFailure } from './ports.ts'
import type { Presets } from './presets.ts'
import type { SecretCounts, SecretScan, SecretStream } from './secret-scan.ts'
import { MAX_WHAT_CHARS } from './shown.ts'
import { MAX_NAME_CHARS } from './toolbox.ts'

/** An engine that has not ended this long after the abort is given up. */
export const ABORT_GRACE_MS = 1_000

/** Longest progress note, in code points: of two UTF-16 units each, it is within the 1,024 that the wire takes. */
export const MAX_NOTE_CHARS = 512

/** A fault of ours, of which the asker learns the id alone. */
export interface Incident {
  id: string
  ask: string
  engine: string
  cause: unknown
}

export interface AgentComponents {
  engine: Engine
  presets: Presets
  secrets: SecretScan
  /** Calls `run` once after `ms`, unless the returned function is called before. */
  after: (ms: number, run: () => void) => () => void
  incidentId: () => string
  onIncident: (incident: Incident) => void
  /** Told once for an answer out of which secrets were taken. */
  onRedacted: (ask: string, counts: SecretCounts) => void
}

/** Runs an engine and holds it to what `Engine` promises, so that no caller has to. */
export class Agent implements Engine {
  readonly #components: AgentComponents

  constructor(components: AgentComponents) {
    this.#components = components
  }

  get name(): string {
    return this.#components.engine.name
  }

  /**
   * The events of one ask, without secrets and each small enough for the wire, then its one end. Does not throw,
   * whatever the engine does, and ends within `ABORT_GRACE_MS` of an abort.
   */
  async *run(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    if (signal.aborted) {
      yield abortFailure(signal)
      return
    }
    try {
      this.#components.presets.assertKnown(ask.presets)
    } catch (err) {
      yield failureOf(err) ?? this.#internal(ask, err)
      return
    }
    const givenUp = new AbortController()
    let cancelGiveUp = (): void => undefined
    const onAbort = (): void => {
      cancelGiveUp = this.#components.after(ABORT_GRACE_MS, () => {
        givenUp.abort()
      })
    }
    signal.addEventListener('abort', onAbort, { once: true })
    const events = eventsOf(this.#components.engine, ask, signal)
    const { onRedacted, secrets } = this.#components
    const scanned = secrets.stream()
    try {
      for (;;) {
        const event = await this.#next(events, ask, signal, givenUp.signal)
        for (const open of withoutSecrets(event, scanned, secrets)) yield* fitting(open)
        if (event.kind === 'done' || event.kind === 'failed') return
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      cancelGiveUp()
      if (Object.keys(scanned.counts).length > 0) onRedacted(ask.id, scanned.counts)
      // Not awaited: an engine that is stuck would keep the caller here.
      void events.return(undefined).catch(() => undefined)
    }
  }

  /** The engine's next event, or the end that it owes us. */
  async #next(
    events: AsyncGenerator<EngineEvent>,
    ask: EngineAsk,
    signal: AbortSignal,
    givenUp: AbortSignal,
  ): Promise<EngineEvent> {
    try {
      const next = await unlessAborted(events.next(), givenUp)
      if (next !== undefined && next.done !== true) return next.value
      if (signal.aborted) return abortFailure(signal)
      return this.#internal(ask, new Error('the engine stopped without done or failed'))
    } catch (err) {
      if (signal.aborted && isAbort(err, signal)) return abortFailure(signal)
      return this.#internal(ask, err)
    }
  }

  #internal(ask: EngineAsk, cause: unknown): EngineFailure<'internal'> {
    const id = this.#components.incidentId()
    this.#components.onIncident({ id, ask: ask.id, engine: this.name, cause })
    return failed('internal', { incident: id }, `the engine ${this.name} broke`)
  }
}

/** The engine's events. An engine that throws before it returns a thing to iterate throws at the first `next`. */
async function* eventsOf(
  engine: Engine,
  ask: EngineAsk,
  signal: AbortSignal,
): AsyncGenerator<EngineEvent> {
  yield* engine.run(ask, signal)
}

/**
 * What `promise` becomes, or undefined once `signal` is aborted. `Promise.race` with one promise for the whole ask
 * would keep a reaction for each event until the ask ends.
 */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise: first, resolve, reject } = Promise.withResolvers<T | undefined>()
  const giveUp = (): void => {
    resolve(undefined)
  }
  if (signal.aborted) giveUp()
  signal.addEventListener('abort', giveUp, { once: true })
  promise.then(resolve, reject)
  try {
    return await first
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

function isAbort(err: unknown, signal: AbortSignal): boolean {
  return err === signal.reason || (err instanceof Error && err.name === 'AbortError')
}

/**
 * `event` without secrets. Of a text, what may be the start of one is held back until more of it is there, or until
 * the ask ends or waits for a person, over which this process may end.
 */
function* withoutSecrets(
  event: EngineEvent,
  scanned: SecretStream,
  secrets: SecretScan,
): Generator<EngineEvent> {
  // In this order: what is invisible would hide a secret from the scan, and then be taken out of it.
  const clean = (line: string): string => secrets.redacted(terminalSafe(line))
  switch (event.kind) {
    case 'text':
      yield { kind: 'text', text: scanned.push(event.text) }
      return
    case 'progress':
      yield { kind: 'progress', note: clean(event.note) }
      return
    case 'tool':
      // Both may be words of a model's, also where there is no such tool.
      yield { ...event, call: clean(event.call), name: clean(event.name) }
      return
    case 'approval':
      yield { kind: 'text', text: scanned.end() }
      yield { ...event, what: clean(event.what) }
      return
    case 'done':
    case 'failed':
      yield { kind: 'text', text: scanned.end() }
      yield event
  }
}

/** `event` as one or more that the wire takes. */
function* fitting(event: EngineEvent): Generator<EngineEvent> {
  switch (event.kind) {
    case 'text':
      for (const text of pieces(event.text, MAX_EVENT_TEXT_BYTES)) yield { kind: 'text', text }
      return
    case 'progress':
      yield { kind: 'progress', note: singleLine(event.note, MAX_NOTE_CHARS) }
      return
    case 'approval':
      yield { ...event, what: singleLine(event.what, MAX_WHAT_CHARS) }
      return
    case 'tool': {
      const call = singleLine(event.call, MAX_NAME_CHARS)
      yield { ...event, call, name: singleLine(event.name, MAX_NAME_CHARS) }
      return
    }
    case 'done':
    case 'failed':
      yield event
  }
}

/** `text` in pieces of at most `maxBytes` of UTF-8, cut between code points. None for an empty text. */
function* pieces(text: string, maxBytes: number): Generator<string> {
  const bytes = Buffer.from(text)
  for (let start = 0; start < bytes.length;) {
    const end = start + codePointEnd(bytes.subarray(start), maxBytes)
    yield bytes.toString('utf8', start, end)
    start = end
  }
}
