import { STANDARD_PRESETS } from '../../../protocol/verbs.ts'
import { KithError } from '../../../protocol/errors.ts'
import { ASK_RETENTION_MS } from '../../../protocol/limits.ts'
import { uuidV7 } from '../../../protocol/uuid.ts'
import type { Spending } from '../../agent/spending.ts'
import type { AskDesk } from '../../asks/ask-desk.ts'
import { digestOf } from '../../asks/ask-store.ts'
import type { AskRecord } from '../../asks/ask-store.ts'
import type { AskHandle } from '../../asks/handle.ts'
import type { Audit } from '../../audit/audit.ts'
import type { Clock } from '../../clock.ts'
import type { Database } from '../../../store/database.ts'
import { OWNER, principalName } from '../principal.ts'
import type { Principal } from '../principal.ts'
import type {
  TaskListQuery,
  TaskPage,
  TaskReport,
  TaskRequest,
  TaskSummary,
} from './task-routes.ts'
import { Allowance } from './allowance.ts'
import { taskState } from './task-state.ts'
import { TaskStore } from './task-store.ts'
import type { KeyRow, TaskRow } from './task-store.ts'

/** Rows that one page looks at, at most: a filter that nothing fits does not read all there is. */
const MAX_SCANNED = 2_000

/** What was submitted so long ago is forgotten with its ask. */
const TIDY_MS = 3_600_000

export interface TaskDeskComponents {
  database: Database
  desk: AskDesk
  agent: { readonly spending: Pick<Spending, 'ofAsk'> }
  audit: Pick<Audit, 'record' | 'taskCancelledBy'>
  clock: Clock
  randomBytes: (count: number) => Uint8Array
}

/** Where programs submit tasks over HTTP and find them again: a task is an ask, with whoever has submitted it. */
export class TaskDesk {
  readonly #components: TaskDeskComponents
  readonly #store: TaskStore
  readonly #allowance: Allowance
  /** Submissions under way, by their keys: the second of two at once waits for the first. */
  readonly #submitting = new Map<string, Promise<unknown>>()
  #cancelTidying: () => void = () => undefined

  constructor(components: TaskDeskComponents) {
    this.#components = components
    this.#store = new TaskStore(components.database)
    this.#allowance = new Allowance(components.clock)
  }

  start(): void {
    this.#cancelTidying = this.#components.clock.every(TIDY_MS, () => {
      // What could not be forgotten now is forgotten an hour later.
      this.tidy().catch(() => undefined)
    })
  }

  stop(): void {
    this.#cancelTidying()
  }

  /** Forgets tasks whose asks are forgotten. Returns how many. */
  async tidy(): Promise<number> {
    const before = this.#components.clock.now() - ASK_RETENTION_MS
    return await this.#store.prune(before, async (task) => (await this.#handle(task)) === undefined)
  }

  /**
   * Submits a task, or finds the one that its key stands for. On disk when this resolves.
   *
   * @throws {KithError} `conflict` for a key that stands for another task, `rate-limited`, and as `AskDesk.ask`
   */
  async submit(
    principal: Principal,
    request: TaskRequest,
  ): Promise<{ task: TaskReport; isNew: boolean }> {
    const { idempotencyKey: key } = request
    if (key === undefined) return await this.#submit(principal, request)
    const slot = `${submitterOf(principal)} ${key}`
    const before = this.#submitting.get(slot) ?? Promise.resolve()
    const submission = before
      .catch(() => undefined)
      .then(async () => await this.#submit(principal, request))
    this.#submitting.set(slot, submission)
    try {
      return await submission
    } finally {
      if (this.#submitting.get(slot) === submission) this.#submitting.delete(slot)
    }
  }

  /** A task of this principal's, or of anybody's for one that may see all. @throws {KithError} `unknown-ask` */
  async get(principal: Principal, task: string): Promise<TaskReport> {
    const { handle, row } = await this.find(principal, task)
    return await this.report(row, handle)
  }

  /** The same, to be read on. @throws {KithError} `unknown-ask` */
  async find(principal: Principal, task: string): Promise<{ handle: AskHandle; row: TaskRow }> {
    const row = await this.#store.get(task)
    const handle = row === undefined ? undefined : await this.#handle(task)
    if (row === undefined || handle === undefined || !mayAccess(principal, row)) {
      throw unknownTask(task)
    }
    return { handle, row }
  }

  /** `token NAME` for the ask of a task that the holder of a token has submitted. */
  async submitterOf(ask: string): Promise<string | undefined> {
    const row = await this.#store.get(ask)
    return row === undefined || row.submitter === submitterOf(OWNER) ? undefined : row.by
  }

  /** Ends a task. One that has ended stays as it is. @throws {KithError} `unknown-ask` */
  async cancel(principal: Principal, task: string): Promise<TaskReport> {
    const { audit } = this.#components
    const { row } = await this.find(principal, task)
    const who = principalName(principal)
    if (principal.kind === 'token') audit.taskCancelledBy(who, task)
    else audit.record({ kind: 'cancel', who, what: 'a task was cancelled', details: { ask: task } })
    return await this.report(row, await this.#components.desk.cancel(task))
  }

  /** One page of the tasks that this principal may see. */
  async list(
    principal: Principal,
    { cursor, limit, session, state, to }: TaskListQuery,
  ): Promise<TaskPage> {
    const tasks: TaskSummary[] = []
    let scanned = 0
    let last: string | undefined
    for await (const row of this.#store.list(cursor)) {
      if (tasks.length === limit || scanned === MAX_SCANNED) return { tasks, next: last ?? '' }
      scanned++
      last = row.task
      if (!mayAccess(principal, row) || (session !== undefined && row.session !== session)) continue
      const handle = await this.#handle(row.task)
      if (handle === undefined) continue
      const summary = await this.#summary(row, handle.record)
      const fits = (state ?? summary.state) === summary.state && (to ?? summary.to) === summary.to
      if (fits) tasks.push(summary)
    }
    return { tasks }
  }

  /** All that there is to tell of a task. */
  async report(row: TaskRow, handle: AskHandle): Promise<TaskReport> {
    const { agent, desk } = this.#components
    const { answer, note, text } = await desk.content(handle)
    const { calls, microUsd, tokens, unpriced } = agent.spending.ofAsk(handle.record)
    return {
      ...(await this.#summary(row, handle.record)),
      text,
      result: answer,
      ...(note === undefined ? {} : { progress: note }),
      cost: { calls, microUsd, tokens, unpriced },
    }
  }

  /** Number of the newest event that is here. */
  async newestSeq({ record }: AskHandle): Promise<number> {
    return await this.#components.desk.lastSeq(record)
  }

  /** The same task, as it stands now. @throws {KithError} `unknown-ask` */
  async reportAgain(row: TaskRow): Promise<TaskReport> {
    const handle = await this.#handle(row.task)
    if (handle === undefined) throw unknownTask(row.task)
    return await this.report(row, handle)
  }

  async #submit(
    principal: Principal,
    request: TaskRequest,
  ): Promise<{ task: TaskReport; isNew: boolean }> {
    const { clock, desk, randomBytes } = this.#components
    const { idempotencyKey: key, ...content } = request
    const { session, to, ...rest } = content
    const submitter = submitterOf(principal)
    const digest = digestOf(content)
    const known = key === undefined ? undefined : await this.#known(submitter, key, digest)
    const task = known?.task ?? uuidV7(clock.now(), randomBytes(10))
    const preset = narrower(principal, request.preset)
    const row: TaskRow = {
      ...{ task, submitter, by: principalName(principal) },
      ...(session === undefined ? {} : { session }),
      ...(preset === undefined ? {} : { preset }),
    }
    // First who submits it, then the ask: of a crash between the two, an ask that nobody has asked for is not left.
    if (known === undefined) {
      this.#allowance.take(principal, request.text)
      await this.#store.add(row, key === undefined ? undefined : { key, digest })
    }
    const before = known === undefined ? undefined : await this.#handle(task)
    const handle =
      before ??
      (await desk.ask({
        ...rest,
        preset,
        peer: to,
        ask: task,
        session: session === undefined ? undefined : sessionOf(principal, session),
      }))
    return { task: await this.report(row, handle), isNew: before === undefined }
  }

  async #known(submitter: string, key: string, digest: Uint8Array): Promise<KeyRow | undefined> {
    const known = await this.#store.key(submitter, key)
    if (known === undefined || Buffer.compare(known.digest, digest) === 0) return known
    const what = 'the idempotency key stands for another task'
    throw new KithError('conflict', what, { activeId: known.task })
  }

  async #handle(task: string): Promise<AskHandle | undefined> {
    return await this.#components.desk.findOwn(task)
  }

  async #summary(row: TaskRow, record: AskRecord): Promise<TaskSummary> {
    const { desk } = this.#components
    const { deadlineAt, final, finalAt, receivedAt } = record
    const { preset, session, task } = row
    const newest = record.direction === 'out' ? await desk.newest(record) : undefined
    return {
      id: task,
      state: taskState(record, newest),
      ...(final?.outcome === 'failed'
        ? { cause: { code: final.code, details: final.details } }
        : {}),
      to: desk.nameOf(record),
      submitter: row.by,
      ...(session === undefined ? {} : { session }),
      ...(preset === undefined ? {} : { preset }),
      createdAt: receivedAt,
      deadlineAt,
      ...(finalAt === undefined ? {} : { endedAt: finalAt }),
      lastSeq: await desk.lastSeq(record),
    }
  }
}

function unknownTask(task: string): KithError<'unknown-ask'> {
  const hint = 'GET /api/tasks'
  return new KithError('unknown-ask', `no task ${task} here`, { ask: task }, { hint })
}

function submitterOf(principal: Principal): string {
  return principal.kind === 'owner' ? 'owner' : principal.id
}

/** Whoever has scope `tasks` sees its own. */
function mayAccess(principal: Principal, { submitter }: TaskRow): boolean {
  if (principal.kind === 'owner' || principal.scope !== 'tasks') return true
  return principal.id === submitter
}

/** The session of an ask: the same name of another submitter is another one. The owner's are those of the command line. */
function sessionOf(principal: Principal, session: string): string {
  return principal.kind === 'owner' ? session : `task:${principal.id}:${session}`
}

/** What the task asks for, and no more than the token allows. */
function narrower(principal: Principal, wanted: TaskRequest['preset']): TaskRequest['preset'] {
  if (principal.kind === 'owner') return wanted
  const most = STANDARD_PRESETS.indexOf(principal.preset)
  const at = wanted === undefined ? most : Math.min(most, STANDARD_PRESETS.indexOf(wanted))
  return STANDARD_PRESETS[at]
}
