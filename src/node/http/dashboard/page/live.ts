import type {
  AlertReport,
  ApprovalReport,
  AskReport,
  BackupsReport,
  BudgetReport,
  CallName,
  Input,
  JobReport,
  Output,
  RunReport,
  StatusReport,
} from '../../../control/api.ts'
import type { FleetReport } from '../../../control/routes/fleet.ts'
import { call, enter, Gone, NotLetIn, Refused } from './client.ts'

/** What the page knows of the node, by what it asks for. */
export interface Sources {
  status: StatusReport
  approvals: readonly ApprovalReport[]
  alerts: readonly AlertReport[]
  asks: readonly AskReport[]
  jobs: readonly JobReport[]
  runs: readonly RunReport[]
  budget: BudgetReport
  fleet: FleetReport
  backups: BackupsReport
}
export type SourceName = keyof Sources

/** The last answer, or why there is none. */
export interface Loaded<T> {
  value?: T
  problem?: Refused
}

/** `starting`: nothing was heard yet. */
export type Connection = 'starting' | 'live' | 'gone' | 'not-let-in'

const ASKS_SHOWN = 50
const RUNS_SHOWN = 20

/** How old an answer may be, in ms, and how to get a new one. */
type Loaders = { readonly [S in SourceName]: { everyMs: number; load: () => Promise<Sources[S]> } }

/** A node that has said nothing for this long, in ms, is gone. */
const PATIENCE_MS = 5_000

/** How often it is looked for what is old, in ms; a node that is gone is tried as often. */
const ROUND_MS = 500
const GONE_ROUND_MS = 1_000

/**
 * Keeps the answers of the node fresh while somebody looks: a page in the background asks nothing. Streams would need
 * one connection each, and a browser has six for all pages of a node.
 */
export class Live {
  connection: Connection = 'starting'
  /** When the node has answered last. */
  heardAt = 0
  readonly loaded: { [S in SourceName]?: Loaded<Sources[S]> } = {}
  readonly #dueAt = new Map<SourceName, number>()
  readonly #loaders = createLoaders()
  readonly #onChange: () => void
  #wake = (): void => undefined

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** Never resolves. */
  async run(): Promise<never> {
    for (;;) {
      if (!document.hidden && this.connection !== 'not-let-in') await this.#round()
      await this.#pause(this.connection === 'gone' ? GONE_ROUND_MS : ROUND_MS)
    }
  }

  /** Asks for everything anew, now: something was done, or somebody has come back. */
  poke(): void {
    this.#dueAt.clear()
    if (this.connection === 'not-let-in') this.connection = 'starting'
    this.#wake()
  }

  async #round(): Promise<void> {
    const now = performance.now()
    // One that is gone is asked one question, not nine.
    const wanted =
      this.connection === 'live'
        ? (Object.keys(this.#loaders) as SourceName[]).filter(
            (name) => (this.#dueAt.get(name) ?? 0) <= now,
          )
        : (['status'] as const)
    if (wanted.length === 0) return
    const entered = await enter().catch((err: unknown) => err)
    const failures =
      entered === undefined ? await Promise.all(wanted.map((name) => this.#load(name))) : [entered]
    const before = this.connection
    this.connection = connectionOf(failures)
    if (this.connection === 'live') this.heardAt = Date.now()
    if (before !== this.connection && this.connection === 'live') {
      this.#dueAt.clear()
      await this.#round()
      return
    }
    this.#onChange()
  }

  /** What was thrown that is no refusal of this one answer. */
  async #load(name: SourceName): Promise<unknown> {
    const { everyMs, load } = this.#loaders[name]
    try {
      Object.assign(this.loaded, { [name]: { value: await load() } })
    } catch (err) {
      if (!(err instanceof Refused)) return err
      Object.assign(this.loaded, { [name]: { problem: err } })
    }
    this.#dueAt.set(name, performance.now() + everyMs)
    return undefined
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      setTimeout(resolve, ms)
    })
  }
}

function connectionOf(failures: readonly unknown[]): Connection {
  if (failures.some((err) => err instanceof NotLetIn)) return 'not-let-in'
  const other = failures.find((err) => err !== undefined && !(err instanceof Gone))
  // A fault of this page: it is to be seen where faults of pages are.
  if (other !== undefined) reportError(other)
  return failures.some((err) => err !== undefined) ? 'gone' : 'live'
}

/** What a person waits for comes most often. */
function createLoaders(): Loaders {
  return {
    status: { everyMs: 2_000, load: () => look('status', {}) },
    approvals: { everyMs: 1_000, load: openApprovals() },
    alerts: { everyMs: 1_000, load: () => look('alerts', {}) },
    asks: { everyMs: 1_000, load: () => look('asks', { limit: ASKS_SHOWN }) },
    jobs: { everyMs: 2_000, load: () => look('jobs', {}) },
    runs: {
      everyMs: 2_000,
      load: async () => (await look('runs', { limit: RUNS_SHOWN })).runs,
    },
    budget: { everyMs: 4_000, load: () => look('budget', {}) },
    fleet: { everyMs: 4_000, load: () => look('fleet', {}) },
    backups: { everyMs: 4_000, load: () => look('backups', {}) },
  }
}

/** Loads the approvals that are open with all that is known of each: nobody should have to answer half a question. */
function openApprovals(): () => Promise<ApprovalReport[]> {
  // What does not change while it is open is asked for once.
  let known = new Map<string, ApprovalReport>()
  return async () => {
    const open = await look('approvals', { which: 'open' })
    const whole = await Promise.all(
      open.map(
        async ({ approval }) => known.get(approval) ?? (await look('showApproval', { approval })),
      ),
    )
    known = new Map(whole.map((report) => [report.approval, report]))
    // One may have been answered meanwhile.
    return whole.filter(({ state }) => state === 'open')
  }
}

async function look<N extends CallName>(name: N, input: Input<N>): Promise<Output<N>> {
  return await call(name, input, PATIENCE_MS)
}
