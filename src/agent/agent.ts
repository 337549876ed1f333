import { MAX_EVENT_TEXT_BYTES } from '../protocol/limits.ts'
import { singleLine } from '../protocol/text.ts'
import { abortFailure, failed } from './failure.ts'
import { isPreset } from './presets.ts'
import type { Engine, EngineAsk, EngineEvent, EngineFailure } from './ports.ts'

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
  /** Calls `run` once after `ms`, unless the returned function is called before. */
  after: (ms: number, run: () => void) => () => void
  incidentId: () => string
  onIncident: (incident: Incident) => void
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
   * The events of one ask, each small enough for the wire, then its one end. Does not throw, whatever the engine
   * does, and ends within `ABORT_GRACE_MS` of an abort.
   */
  async *run(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    if (signal.aborted) {
      yield abortFailure(signal)
      return
    }
    if (!isPreset(ask.preset)) {
      yield failed('denied', { rule: 'preset' }, `there is no preset ${JSON.stringify(ask.preset)}`)
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
    try {
      for (;;) {
        const event = await this.#next(events, ask, signal, givenUp.signal)
        yield* fitting(event)
        if (event.kind === 'done' || event.kind === 'failed') return
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      cancelGiveUp()
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

/** `event` as one or more that the wire takes. */
function* fitting(event: EngineEvent): Generator<EngineEvent> {
  switch (event.kind) {
    case 'text':
      for (const text of pieces(event.text, MAX_EVENT_TEXT_BYTES)) yield { kind: 'text', text }
      return
    case 'progress':
      yield { kind: 'progress', note: singleLine(event.note, MAX_NOTE_CHARS) }
      return
    case 'done':
    case 'failed':
      yield event
  }
}

/** `text` in pieces of at most `maxBytes` of UTF-8, cut between code points. None for an empty text. */
function* pieces(text: string, maxBytes: number): Generator<string> {
  const bytes = Buffer.from(text)
  for (let start = 0; start < bytes.length;) {
    let end = Math.min(start + maxBytes, bytes.length)
    while (isContinuation(bytes[end])) end--
    yield bytes.toString('utf8', start, end)
    start = end
  }
}

/** True for a byte within a code point (RFC 3629 §3). False past the end. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}
