import { hash } from 'node:crypto'
import { z } from 'zod'
import { uuidTime } from '../../../protocol/uuid.ts'
import { STANDARD_PRESETS, bytes } from '../../../protocol/verbs.ts'
import type { Database, Operation } from '../../../store/database.ts'
import { Repository } from '../../../store/repository.ts'

const taskRow = z.strictObject({
  /** Its id, which is that of its ask. */
  task: z.string(),
  /** `owner`, or the id of a token: a name may come to stand for another token. */
  submitter: z.string(),
  /** As reports name it. */
  by: z.string(),
  session: z.exactOptional(z.string()),
  preset: z.exactOptional(z.enum(STANDARD_PRESETS)),
})

/** Who has submitted an ask. All else about it is with the ask. */
export type TaskRow = z.infer<typeof taskRow>

const keyRow = z.strictObject({
  task: z.string(),
  /** SHA-256 of what was submitted: the same key with something else is an error. */
  digest: bytes,
})
export type KeyRow = z.infer<typeof keyRow>

/** Which asks are tasks, and which keys stand for them. */
export class TaskStore {
  readonly #database: Database
  readonly #rows: Repository<TaskRow>
  readonly #keys: Repository<KeyRow>

  constructor(database: Database) {
    this.#database = database
    this.#rows = new Repository(database, 'tasks', taskRow)
    this.#keys = new Repository(database, 'task-keys', keyRow)
  }

  async get(task: string): Promise<TaskRow | undefined> {
    return await this.#rows.get(task)
  }

  /** What a key of this submitter stands for. */
  async key(submitter: string, key: string): Promise<KeyRow | undefined> {
    return await this.#keys.get(keyOf(submitter, key))
  }

  /** On disk when this resolves, and with it the key: whoever sends it again gets this task. */
  async add(row: TaskRow, key?: { key: string; digest: Uint8Array }): Promise<void> {
    const operations: Operation[] = [this.#rows.put(row.task, row)]
    if (key !== undefined) {
      const { digest } = key
      operations.push(this.#keys.put(keyOf(row.submitter, key.key), { task: row.task, digest }))
    }
    await this.#database.write(operations, { durable: true })
  }

  /** The newest first, from the one before `cursor` on. */
  async *list(cursor: string | undefined): AsyncGenerator<TaskRow> {
    yield* this.#rows.values({ reverse: true, ...(cursor === undefined ? {} : { lt: cursor }) })
  }

  /** Forgets those submitted before `before` (ms since the epoch) whose ask is gone. Returns how many. */
  async prune(before: number, isGone: (task: string) => Promise<boolean>): Promise<number> {
    const operations: Operation[] = []
    const gone = new Set<string>()
    for await (const { task } of this.#rows.values()) {
      if (uuidTime(task) >= before) break
      if (!(await isGone(task))) continue
      gone.add(task)
      operations.push(this.#rows.del(task))
    }
    if (gone.size === 0) return 0
    for await (const [key, { task }] of this.#keys.entries()) {
      if (gone.has(task)) operations.push(this.#keys.del(key))
    }
    await this.#database.write(operations, { durable: false })
    return gone.size
  }
}

/** A key is whatever its submitter likes, and stays theirs. */
function keyOf(submitter: string, key: string): string {
  return `${submitter}!${hash('sha256', key, 'hex')}`
}
