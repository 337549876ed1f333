import type {
  Approvals,
  Engine,
  EngineAsk,
  EngineEvent,
  Message,
  Usage,
} from '../../src/agent/ports.ts'
import type { EngineParts } from '../../src/node/agent/engines.ts'

/** An answer has so much text. */
const ANSWER_BYTES = 1_500

/** A session of more messages is compacted. */
const COMPACT_MESSAGES = 40

/** An ask with this in it breaks the engine. */
export const BREAKS = 'this breaks whoever reads it'

/** An ask with this in it wants something that waits for a person. */
export const WANTS = 'wants to write'

const MODEL = 'shop/large'

/** Answers at once, and uses what an engine with a model uses: a breaker, the budget, sessions and approvals. */
export class GrowthEngine implements Engine {
  readonly name = 'growth'
  readonly #parts: EngineParts
  readonly #approvals: () => Approvals

  /** The approvals are there once the node is. */
  constructor(parts: EngineParts, approvals: () => Approvals) {
    this.#parts = parts
    this.#approvals = approvals
  }

  async *run(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    const { breakers, budget, clock, sessions } = this.#parts
    if (ask.text.includes(BREAKS)) throw new Error('it is broken')
    const { from, messages, summary = '' } = await sessions.read(ask)
    const most = usageOf(ask.text.length + summary.length, 4 * ANSWER_BYTES)
    const reservation = await budget.reserve(ask, most)
    const attempt = breakers.enter('provider shop')
    if (ask.text.includes(WANTS)) yield* this.#wait(ask, signal)
    const answer = `${ask.id} `.repeat(ANSWER_BYTES / (ask.id.length + 1))
    yield { kind: 'text', text: answer }
    attempt.succeeded()
    await reservation.settle(usageOf(ask.text.length, answer.length))
    const at = clock.now()
    const said: Message[] = [
      { role: 'user', text: ask.text, at },
      { role: 'assistant', text: answer, at },
    ]
    await sessions.append(ask, said)
    if (messages.length > COMPACT_MESSAGES) {
      await sessions.compact(ask, {
        ...{ summary: answer, upTo: from + messages.length, trigger: 'messages' },
        ...{ tokensBefore: 4_000, tokensAfter: 400, truncated: false },
      })
    }
    yield { kind: 'done' }
  }

  async *#wait(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    const approvals = this.#approvals()
    const what = 'write notes.txt'
    const approval = await approvals.open({
      ...{ ask, tool: 'write_file', toolClass: 'write', what, key: ask.id, onceOnly: false },
      checkpoint: new Uint8Array(1_000),
    })
    yield { kind: 'approval', approval, state: 'waiting', what }
    yield { kind: 'approval', approval, state: await approvals.wait(approval, signal), what }
  }
}

function usageOf(inputBytes: number, outputBytes: number): Usage {
  const [inputTokens, outputTokens] = [Math.ceil(inputBytes / 4), Math.ceil(outputBytes / 4)]
  return { model: MODEL, inputTokens, outputTokens, microUsd: inputTokens, estimated: false }
}
