import { z } from 'zod'
import { ModelEngine } from '../../../src/agent/engines/model.ts'
import type { ModelEngineInit } from '../../../src/agent/engines/model.ts'
import type { EngineClock } from '../../../src/agent/engines/model/call.ts'
import type { FaultReport } from '../../../src/agent/engines/model/answer.ts'
import type {
  ApprovalRequest,
  ApprovalState,
  Approvals,
  Attempt,
  Breakers,
  Budget,
  Compaction,
  Message,
  Reservation,
  SessionHistory,
  Sessions,
  SpendLimit,
  Usage,
} from '../../../src/agent/ports.ts'
import { Presets } from '../../../src/agent/presets.ts'
import { Secret } from '../../../src/agent/secret.ts'
import { ToolGuard } from '../../../src/agent/tool-guard.ts'
import { Toolbox } from '../../../src/agent/toolbox.ts'
import { defineTool } from '../../../src/agent/tools/tool.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import type { ModelServer } from '../../helpers/model-server.ts'
import { OWN_ID } from '../asks.ts'

/** A key that must turn up nowhere but in the header of a request. */
export const KEY = 'sk-canary-5f0d1c'

/** An hour before the deadline of `askOf`. */
const START = Date.UTC(2026, 10, 21, 8)

/** A budget that refuses when it is told to, and writes down what it is asked. */
export class RecordedBudget implements Budget {
  readonly reserved: Usage[] = []
  readonly settled: Usage[] = []
  readonly exhausted = new AbortController()
  refuses = false
  remaining: SpendLimit = {}

  left(): SpendLimit {
    return this.remaining
  }

  reserve(_ask: unknown, most: Usage): Promise<Reservation> {
    this.reserved.push(most)
    if (this.refuses) {
      return Promise.reject(
        new KithError('budget-exhausted', 'used up', { scope: 'day', resetAt: START }),
      )
    }
    const settle = (used: Usage): Promise<void> => {
      this.settled.push(used)
      return Promise.resolve()
    }
    return Promise.resolve({ settle, exhausted: this.exhausted.signal })
  }
}

/** Breakers that are open for the names in `open`, and what they were told. */
export class RecordedBreakers implements Breakers {
  readonly open = new Set<string>()
  readonly told: string[] = []

  enter(name: string): Attempt {
    if (this.open.has(name)) {
      throw new KithError('breaker-open', `${name} is open`, { nextProbeAt: START })
    }
    const tell = (outcome: string) => () => {
      this.told.push(`${name} ${outcome}`)
    }
    return { succeeded: tell('succeeded'), failed: tell('failed'), withdrawn: tell('withdrawn') }
  }
}

/** Approvals that outlive an engine, as those on disk outlive a process. */
export class KeptApprovals implements Approvals {
  readonly requests: ApprovalRequest[] = []
  readonly #answers = new Map<string, PromiseWithResolvers<ApprovalState>>()

  remembered(): undefined {
    return undefined
  }

  isFor(approval: string, { key, tool }: Pick<ApprovalRequest, 'key' | 'tool'>): boolean {
    const request = this.requests[Number(approval.slice('approval-'.length)) - 1]
    return request?.key === key && request.tool === tool
  }

  open(request: ApprovalRequest): Promise<string> {
    this.requests.push(request)
    return Promise.resolve(`approval-${this.requests.length}`)
  }

  async wait(approval: string, signal: AbortSignal): Promise<ApprovalState> {
    signal.throwIfAborted()
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const onAbort = (): void => {
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([this.#answer(approval).promise, aborted])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  answer(approval: string, state: ApprovalState): void {
    this.#answer(approval).resolve(state)
  }

  #answer(approval: string): PromiseWithResolvers<ApprovalState> {
    const answer = this.#answers.get(approval) ?? Promise.withResolvers<ApprovalState>()
    this.#answers.set(approval, answer)
    return answer
  }
}

/** One session, in memory. */
export class OneSession implements Sessions {
  summary: string | undefined
  messages: Message[] = []
  readonly compactions: Compaction[] = []

  #from = 0

  read(): Promise<SessionHistory> {
    const history = { messages: [...this.messages], from: this.#from }
    return Promise.resolve(
      this.summary === undefined ? history : { summary: this.summary, ...history },
    )
  }

  append(_ask: unknown, messages: readonly Message[]): Promise<void> {
    this.messages.push(...messages)
    return Promise.resolve()
  }

  compact(_ask: unknown, compaction: Compaction): Promise<void> {
    this.compactions.push(compaction)
    this.summary = compaction.summary
    this.messages = this.messages.slice(compaction.upTo - this.#from)
    this.#from = compaction.upTo
    return Promise.resolve()
  }
}

/** Model engines over one model server, and all that is around them. */
export class ModelHome {
  readonly server: ModelServer
  readonly clock = new ManualClock(START)
  readonly budget = new RecordedBudget()
  readonly breakers = new RecordedBreakers()
  readonly approvals = new KeptApprovals()
  readonly session = new OneSession()
  readonly faults: FaultReport[] = []
  /** What the tools have done. */
  readonly done: string[] = []
  /** What the owner has written: for everybody's asks, and for his own. */
  texts = { open: '', own: '' }

  constructor(server: ModelServer) {
    this.server = server
  }

  /** An engine with the model `local/test-model`; each is as that of another process. */
  engine(init: Partial<ModelEngineInit> = {}, clock: EngineClock = this.clock): ModelEngine {
    const guard = new ToolGuard({ presets: new Presets(), approvals: this.approvals })
    return new ModelEngine(
      {
        toolbox: new Toolbox({ guard, onCall: () => undefined }, this.#tools()),
        facts: {
          describe: () => ({
            name: 'attic',
            id: OWN_ID,
            words: 'one two',
            software: 'kith/0',
            uptimeMs: 1,
          }),
          zone: () => 'Europe/Madrid',
        },
        texts: {
          prompt: async ({ mayRecall }) => this.texts.open + (mayRecall ? this.texts.own : ''),
        },
        sessions: this.session,
        redacted: (text) => text.replaceAll(KEY, '[redacted]'),
        budget: this.budget,
        breakers: this.breakers,
        clock,
        random: () => 0.5,
        incidentId: () => 'incident-1',
        onFault: (report) => this.faults.push(report),
      },
      {
        models: ['local/test-model'],
        providers: { local: this.provider() },
        ...init,
      },
    )
  }

  provider(baseUrl = this.server.url) {
    return { kind: 'openai-compatible' as const, baseUrl, apiKey: new Secret(KEY) }
  }

  #tools() {
    const add = defineTool({
      name: 'add',
      class: 'read',
      description: 'adds two numbers',
      input: z.strictObject({ a: z.number(), b: z.number() }),
      what: ({ a, b }) => `add ${a} and ${b}`,
      run: ({ a, b }) => {
        this.done.push(`${a} + ${b}`)
        return Promise.resolve({ text: String(a + b) })
      },
    })
    const note = defineTool({
      name: 'note',
      class: 'write',
      description: 'writes a note',
      input: z.strictObject({ text: z.string() }),
      risk: () => 'caution',
      what: ({ text }) => `note ${text}`,
      run: ({ text }) => {
        this.done.push(`note ${text}`)
        return Promise.resolve({ text: 'noted' })
      },
    })
    return [add, note]
  }
}

/** A home for each test of the suite. Call it in `describe`, its result in tests. */
export function modelHome(start: () => Promise<ModelServer>): () => ModelHome {
  let home: ModelHome
  beforeEach(async () => {
    home = new ModelHome(await start())
  })
  afterEach(() => home.server.stop())
  return () => home
}
