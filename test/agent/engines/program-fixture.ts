import { childEnv } from '../../../src/agent/child.ts'
import type { ProgramComponents } from '../../../src/agent/engines/program.ts'
import type {
  ApprovalRequest,
  ApprovalState,
  Approvals,
  Budget,
  Engine,
  EngineAsk,
  Message,
  ProgramRun,
  SessionHistory,
  Sessions,
  SpendLimit,
  Usage,
} from '../../../src/agent/ports.ts'
import { Presets } from '../../../src/agent/presets.ts'
import { ToolGuard } from '../../../src/agent/tool-guard.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { OWN_ID } from '../asks.ts'

/** A person who gives each approval the next of `answers`. */
export class Person implements Approvals {
  readonly answers: ApprovalState[] = []
  readonly requests: ApprovalRequest[] = []
  always: string | undefined

  remembered({ key }: Pick<ApprovalRequest, 'key'>): 'granted' | undefined {
    return key === this.always ? 'granted' : undefined
  }

  isFor(approval: string, { key, tool }: Pick<ApprovalRequest, 'key' | 'tool'>): boolean {
    const request = this.requests[Number(approval.slice('approval-'.length)) - 1]
    return request?.key === key && request.tool === tool
  }

  open(request: ApprovalRequest): Promise<string> {
    this.requests.push(request)
    return Promise.resolve(`approval-${this.requests.length}`)
  }

  /** Without an answer, it waits until it is aborted. */
  wait(_approval: string, signal: AbortSignal): Promise<ApprovalState> {
    const answer = this.answers.shift()
    if (answer !== undefined) return Promise.resolve(answer)
    const { promise, reject } = Promise.withResolvers<ApprovalState>()
    const onAbort = (): void => {
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    return promise
  }
}

/** Sessions in memory. */
export class MemorySessions implements Sessions {
  readonly #said = new Map<string, Message[]>()

  read(ask: EngineAsk): Promise<SessionHistory> {
    return Promise.resolve({ messages: [...(this.#said.get(keyOf(ask)) ?? [])], from: 0 })
  }

  append(ask: EngineAsk, messages: readonly Message[]): Promise<void> {
    this.#said.set(keyOf(ask), [...(this.#said.get(keyOf(ask)) ?? []), ...messages])
    return Promise.resolve()
  }

  compact(): Promise<void> {
    throw new TypeError('no program compacts a session')
  }

  /** What was said, without when. */
  said(ask: EngineAsk): string[] {
    return (this.#said.get(keyOf(ask)) ?? []).map(({ role, text }) => `${role}: ${text}`)
  }
}

/** A budget that is as large as it is made. An ask whose price is not known is refused when there is a sum. */
export class MemoryBudget implements Budget {
  microUsd: number | undefined
  readonly settled: Usage[] = []
  readonly exhausted = new AbortController()

  left(): SpendLimit {
    return this.microUsd === undefined ? {} : { microUsd: this.microUsd }
  }

  reserve(_ask: EngineAsk, most: Usage): ReturnType<Budget['reserve']> {
    if (this.microUsd !== undefined && (most.microUsd ?? Infinity) > this.microUsd) {
      const details = { scope: 'ask', resetAt: 0 }
      return Promise.reject(new KithError('budget-exhausted', 'too dear', details))
    }
    const settle = (used: Usage): Promise<void> => {
      this.settled.push(used)
      return Promise.resolve()
    }
    return Promise.resolve({ settle, exhausted: this.exhausted.signal })
  }
}

export interface ProgramSurroundings {
  components: ProgramComponents
  person: Person
  /** What was told of the programs that ran, with the ask. */
  programs: [ask: string, run: ProgramRun][]
  sessions: MemorySessions
  budget: MemoryBudget
}

/** What engines that run programs need. A secret called `s3cret` is taken out of what is logged. */
export function programSurroundings(): ProgramSurroundings {
  const person = new Person()
  const sessions = new MemorySessions()
  const budget = new MemoryBudget()
  const programs: ProgramSurroundings['programs'] = []
  let now = Date.UTC(2026, 10, 21, 9)
  const components: ProgramComponents = {
    guard: new ToolGuard({ presets: new Presets(), approvals: person }),
    budget,
    sessions,
    onProgram: (ask, run) => programs.push([ask, run]),
    redacted: (text) => text.replaceAll('s3cret', '[redacted]'),
    ownId: OWN_ID,
    now: () => now++,
  }
  return { components, person, programs, sessions, budget }
}

/** The variables of this process that any program may have. */
export const ENV = childEnv(process.env)

/** `engine` for asks that have the preset `full`, whatever they say themselves. */
export function withFull(engine: Engine): Engine {
  return {
    name: engine.name,
    run: (ask, signal) => engine.run({ ...ask, presets: ['full'] }, signal),
  }
}

function keyOf({ asker, session = '' }: EngineAsk): string {
  return `${asker.id} ${session}`
}
