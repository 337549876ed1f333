import type {
  Budget,
  Engine,
  EngineAsk,
  EngineEvent,
  ProgramRun,
  Usage,
} from '../../agent/ports.ts'
import type { SecretScan } from '../../agent/secret-scan.ts'
import { singleLine, terminalSafe } from '../../protocol/text.ts'
import type { Clock } from '../clock.ts'

/** Longest preview of a prompt, in code points. */
const MAX_PREVIEW_CHARS = 120

/** How much of the end of an answer a run keeps, in UTF-16 units. */
const MAX_TAIL_CHARS = 200

/** Asks whose cost is still counted; the oldest is dropped, and its line says nothing of its cost. */
const MAX_COUNTED = 10_000

/** Takes lines: a `RotatingFile` is one. */
export interface LineSink {
  write(line: string): void
}

/** What one ask has used until now. */
interface Tally {
  microUsd: number
  tokens: number
  calls: number
  /** Calls whose price is not known. */
  unpriced: number
}

export interface RunLogComponents {
  clock: Pick<Clock, 'now'>
  secrets: SecretScan
  /** `agent.log`: what each answer took. */
  turns: LineSink
  /** `runs.log`: how each answer ended. */
  runs: LineSink
  /** What keeps a line from being written goes there. */
  onFault: (err: unknown) => void
}

/** Writes two lines for each ask that an engine has answered: what it took, and how it ended. */
export class RunLog {
  readonly #components: RunLogComponents
  readonly #tallies = new Map<string, Tally>()
  readonly #programs = new Map<string, ProgramRun>()

  constructor(components: RunLogComponents) {
    this.#components = components
  }

  /** `budget`, of which each settled amount is in the line of its ask too. */
  counting(budget: Budget): Budget {
    return {
      left: (ask) => budget.left(ask),
      reserve: async (ask, most) => {
        const reservation = await budget.reserve(ask, most)
        return {
          exhausted: reservation.exhausted,
          settle: async (used) => {
            this.#spent(ask.id, used)
            await reservation.settle(used)
          },
        }
      },
    }
  }

  /** Keeps which program has answered an ask for the line of its run. */
  readonly noteProgram = (ask: string, run: ProgramRun): void => {
    this.#programs.set(ask, run)
  }

  /** The events of `engine`, which have no secrets, for one ask, and at their end the lines. */
  async *follow(
    engine: Pick<Engine, 'run' | 'name'>,
    ask: EngineAsk,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent> {
    const { clock } = this.#components
    const begunAt = clock.now()
    const tools: string[] = []
    let replyBytes = 0
    let tail = ''
    let outcome = 'left'
    let cause: string | undefined
    try {
      for await (const event of engine.run(ask, signal)) {
        if (event.kind === 'text') {
          replyBytes += Buffer.byteLength(event.text)
          tail = `${tail}${event.text}`.slice(-MAX_TAIL_CHARS)
        }
        if (event.kind === 'tool' && event.state !== 'begun') {
          tools.push(`${event.name}:${event.state}`)
        }
        if (event.kind === 'done') outcome = 'done'
        if (event.kind === 'failed') [outcome, cause] = [event.code, event.message]
        yield event
      }
    } finally {
      const now = clock.now()
      const run = { at: new Date(now).toISOString(), ask: ask.id, asker: ask.asker.name }
      // Alone in it is who asked us.
      const chain = ask.chain.length > 1 ? ask.chain : undefined
      const { runs, turns } = this.#components
      this.#write(turns, {
        ...{ ...run, chain, session: ask.session, engine: engine.name, outcome },
        ...{ elapsedMs: now - begunAt, tools, replyBytes, ...this.#costOf(ask.id) },
        prompt: this.#preview(ask.text),
      })
      this.#write(runs, {
        ...{ ...run, engine: engine.name, ...this.#programs.get(ask.id) },
        ...{ outcome, cause: this.#preview(cause ?? '') },
        ...{ lastTool: tools.at(-1), tail: this.#preview(tail.toWellFormed()) },
      })
      this.#programs.delete(ask.id)
    }
  }

  /** Counts what a call for an ask has cost. */
  #spent(ask: string, { inputTokens, microUsd, outputTokens }: Usage): void {
    const tally = this.#tallies.get(ask) ?? { microUsd: 0, tokens: 0, calls: 0, unpriced: 0 }
    tally.calls++
    tally.tokens += inputTokens + outputTokens
    if (microUsd === undefined) tally.unpriced++
    else tally.microUsd += microUsd
    this.#tallies.set(ask, tally)
    const [oldest] = this.#tallies.keys()
    if (this.#tallies.size > MAX_COUNTED && oldest !== undefined) this.#tallies.delete(oldest)
  }

  #costOf(ask: string): Partial<Tally> {
    const tally = this.#tallies.get(ask)
    this.#tallies.delete(ask)
    return tally ?? {}
  }

  #preview(text: string): string {
    const { secrets } = this.#components
    // All of it, and without what is invisible first: a secret that is cut, or has such in it, would not be found.
    return singleLine(secrets.redacted(terminalSafe(text)), MAX_PREVIEW_CHARS)
  }

  /** A line that cannot be written costs nobody an answer. */
  #write(sink: LineSink, line: object): void {
    const { onFault } = this.#components
    try {
      sink.write(JSON.stringify(line))
    } catch (err) {
      onFault(err)
    }
  }
}
