import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pino } from 'pino'
import type { ApprovalRequest, ApprovalState, EngineAsk } from '../../src/agent/ports.ts'
import { Approvals } from '../../src/node/agent/approvals.ts'
import type { Party } from '../../src/node/agent/approval-records.ts'
import { Alerts, isOpen } from '../../src/node/alerts.ts'
import { Database } from '../../src/store/database.ts'
import { askId, idOf } from './ask-calls.ts'
import { LogTap } from './log-tap.ts'
import { ManualClock } from './manual-clock.ts'
import { tempFolder } from './temp-folder.ts'

export const TIMEOUT_MS = 3_600_000
export const OWN_ID = idOf('own')
export const OWNER: Party = { name: 'self', id: OWN_ID }
export const BERT: Party = { name: 'bert', id: idOf('bert') }
/** Another node of the owner's. */
export const LAPTOP: Party = { name: 'laptop', id: idOf('laptop') }
export const CHECKPOINT = new Uint8Array([1, 2, 3])

/** Approvals on disk, which can be closed and opened again as by a restart. */
export class ApprovalHome {
  clock = new ManualClock()
  readonly log = new LogTap()
  /** What is in the log of approvals. */
  lines: Record<string, unknown>[] = []
  /** What writing to that log throws. */
  fault: Error | undefined
  /** Ids of asks that have their final. */
  readonly over = new Set<string>()
  readonly #folder: string
  #parts: { database: Database; alerts: Alerts; approvals: Approvals } | undefined

  constructor(folder: string) {
    this.#folder = join(folder, 'store')
  }

  get approvals(): Approvals {
    return this.#all.approvals
  }

  get alerts(): Alerts {
    return this.#all.alerts
  }

  get database(): Database {
    return this.#all.database
  }

  async open(): Promise<void> {
    const database = await Database.open(this.#folder)
    const { clock } = this
    const log = pino({ base: null }, this.log)
    const random = (count: number): Uint8Array => randomBytes(count)
    const alerts = new Alerts({ database, clock, randomBytes: random, log })
    await alerts.start()
    const approvals = new Approvals(
      {
        ...{ database, alerts, clock, log, randomBytes: random },
        redacted: (text) => text.replaceAll('geheim', '[redacted]'),
        isOver: (_asker, ask) => this.over.has(ask),
        write: (line) => {
          if (this.fault !== undefined) throw this.fault
          this.lines.push(JSON.parse(line) as Record<string, unknown>)
        },
      },
      { ownId: OWN_ID, timeoutMs: TIMEOUT_MS },
    )
    await approvals.start()
    this.#parts = { database, alerts, approvals }
  }

  /** Ends as a crash does, and opens again so much later, in ms, on a clock of its own. */
  async crash(laterMs = 0): Promise<void> {
    await this.database.close()
    this.clock = new ManualClock(this.clock.now() + laterMs)
    await this.open()
  }

  async close(): Promise<void> {
    this.#parts?.approvals.stop()
    await this.#parts?.database.close()
  }

  /** Resolves when what is under way is on disk. */
  async quiet(): Promise<void> {
    await this.database.write([], { durable: false })
  }

  /** Opens an approval for the ask of this number, and begins to wait for it. */
  async waiting(nth: number, changes: Changes = {}): Promise<OpenApproval> {
    const id = await this.approvals.open(requestOf(nth, changes))
    const stop = new AbortController()
    const state = this.approvals.wait(id, stop.signal)
    // Not every test looks at it.
    state.catch(() => undefined)
    return { id, stop, state }
  }

  /** What the open alerts say. */
  told(): string[] {
    return this.alerts
      .list()
      .filter(isOpen)
      .map(({ what }) => what)
  }

  get #all(): { database: Database; alerts: Alerts; approvals: Approvals } {
    if (this.#parts === undefined) throw new TypeError('the home is not open')
    return this.#parts
  }
}

export interface OpenApproval {
  id: string
  stop: AbortController
  state: Promise<ApprovalState>
}

export type Changes = Partial<Omit<ApprovalRequest, 'ask'>> & { ask?: Partial<EngineAsk> }

/** A call of a tool by the ask of bert's that has this number. */
export function requestOf(nth: number, { ask, ...changes }: Changes = {}): ApprovalRequest {
  const now = new ManualClock().now()
  return {
    ask: {
      id: askId(nth),
      asker: BERT,
      text: 'write it down',
      presets: ['write'],
      approve: [],
      chain: [BERT.id],
      deadlineAt: now + 10 * TIMEOUT_MS,
      ...ask,
    },
    tool: 'write_file',
    toolClass: 'write',
    what: 'write notes.md',
    key: 'write notes.md',
    onceOnly: false,
    checkpoint: CHECKPOINT,
    ...changes,
  }
}

/** Approvals for each test. Call it in `describe`, its result in tests. */
export function approvalHomes(): () => ApprovalHome {
  const folder = tempFolder()
  let home: ApprovalHome
  beforeEach(async () => {
    home = new ApprovalHome(folder())
    await home.open()
  })
  afterEach(() => home.close())
  return () => home
}
