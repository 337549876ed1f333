import { abortFailure, failed } from '../../src/agent/failure.ts'
import type { Engine, EngineAsk, EngineEvent } from '../../src/agent/ports.ts'
import type { SimClock } from './sim-clock.ts'

/** How the engine answers an ask: what is asked says so, and is this as JSON. */
export interface Script {
  /** Texts that it says, so many ms apart. */
  pieces: number
  everyMs: number
  /** How it ends; `deaf`: it hears of no abort, and never ends. */
  end: 'done' | 'refuse' | 'throw' | 'deaf'
}

export interface SimEngineComponents {
  clock: SimClock
  /** Hears of each ask that begins to run. */
  onRun: (ask: EngineAsk) => void
}

/** The whole answer to an ask that is done. */
export function answerTo(ask: string, { pieces }: Script): string {
  return Array.from({ length: pieces }, (_, piece) => pieceOf(ask, piece)).join('')
}

/** An engine that does as it is told, in simulated time. */
export class SimEngine implements Engine {
  readonly name = 'simulated'
  readonly #components: SimEngineComponents

  constructor(components: SimEngineComponents) {
    this.#components = components
  }

  async *run(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    const { clock, onRun } = this.#components
    onRun(ask)
    const { end, everyMs, pieces } = JSON.parse(ask.text) as Script
    const heard = end === 'deaf' ? new AbortController().signal : signal
    for (let piece = 0; piece < pieces; piece++) {
      await clock.sleep(everyMs, heard)
      if (heard.aborted) {
        yield abortFailure(heard)
        return
      }
      if (piece === 0) yield { kind: 'progress', note: 'at it' }
      yield { kind: 'text', text: pieceOf(ask.id, piece) }
    }
    switch (end) {
      case 'done':
        yield { kind: 'done' }
        break
      case 'refuse':
        yield failed('denied', { rule: 'simulated' }, 'told to refuse')
        break
      case 'throw':
        throw new Error('told to throw')
      case 'deaf':
        await new Promise<never>(() => undefined)
    }
  }
}

function pieceOf(ask: string, piece: number): string {
  return `${ask.slice(-4)} says ${piece}\n`
}
