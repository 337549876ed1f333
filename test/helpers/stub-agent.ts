import { abortFailure } from '../../src/agent/failure.ts'
import type { Engine, EngineAsk, EngineEvent } from '../../src/agent/ports.ts'

/** An agent that answers each ask at once, unless a test holds it or gives it a script. Counts what it runs. */
export class StubAgent implements Engine {
  readonly name = 'stub'
  /** Every ask it was given, in order. */
  readonly runs: EngineAsk[] = []
  /** What an ask gets, when a test wants something else than its text back. */
  script: ((ask: EngineAsk, signal: AbortSignal) => AsyncIterable<EngineEvent>) | undefined
  #held = false
  #release = Promise.withResolvers<undefined>()

  /** From now on asks wait before they answer. */
  hold(): void {
    this.#held = true
  }

  /** Lets all go on that wait. */
  release(): void {
    this.#held = false
    this.#release.resolve(undefined)
    this.#release = Promise.withResolvers()
  }

  async *run(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    this.runs.push(ask)
    if (this.script !== undefined) {
      yield* this.script(ask, signal)
      return
    }
    yield { kind: 'progress', note: 'thinking' }
    if (this.#held) await Promise.race([this.#release.promise, aborted(signal)])
    if (signal.aborted) {
      yield abortFailure(signal)
      return
    }
    yield { kind: 'text', text: ask.text }
    yield { kind: 'done' }
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener(
      'abort',
      () => {
        resolve()
      },
      { once: true },
    )
  })
}
