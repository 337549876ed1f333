import { KithError } from '../protocol/errors.ts'
import { makePrivateFolder } from './atomic-file.ts'
import { BYTES, formatRow, openLevel, readFormat } from './level.ts'
import type { LevelDb } from './level.ts'
import { finishMigration, migrateStore } from './migrate-store.ts'
import { formatWanted, MIGRATIONS, pendingFrom } from './migrations.ts'
import type { Migration } from './migrations.ts'

/** What keeps the rows: LevelDB in a node, memory in a simulation. */
export interface Store extends Pick<LevelDb, 'close' | 'snapshot' | 'sublevel'> {
  batch(operations: Operation[], options: { sync: boolean }): Promise<void>
}

/** The rows of one kind: text keys, bytes as values. */
export type Sublevel = ReturnType<typeof sublevelOf>

/** A view of the database as it was when it was taken. Close it. */
export type Snapshot = ReturnType<LevelDb['snapshot']>

/** One change, to be written together with others. */
export type Operation =
  | { type: 'put'; sublevel: Sublevel; key: string; value: Uint8Array }
  | { type: 'del'; sublevel: Sublevel; key: string }

export interface WriteOptions {
  /** On disk, and not only with the kernel, when the promise resolves: a power cut cannot lose it. */
  durable: boolean
}

interface Write {
  operations: Operation[]
  durable: boolean
  resolve: () => void
  reject: (err: unknown) => void
}

/**
 * A LevelDB folder that writes in groups: one batch at a time, and all that comes meanwhile is the
 * next one, so that many callers share one fsync.
 */
export class Database {
  /** Version of its layout. */
  readonly format: number
  readonly #folder: string
  readonly #level: Store
  #queue: Write[] = []
  #flushing: Promise<void> | undefined
  #failure: KithError<'store-failed'> | undefined
  #closing = false
  readonly #writes = { begun: 0, done: 0 }

  private constructor(folder: string, level: Store, format: number) {
    this.#folder = folder
    this.#level = level
    this.format = format
  }

  /**
   * The database in `folder`, made if there is none, and migrated if an earlier kith wrote it.
   *
   * @throws {KithError} `locked` when another process has it open, `too-new` when a later kith wrote
   *   it, `corrupt` when it is damaged, `unsafe-file` when the folder is open to others, `store-failed` when it could
   *   not be migrated.
   */
  static async open(
    folder: string,
    migrations: readonly Migration[] = MIGRATIONS,
  ): Promise<Database> {
    await finishMigration(folder)
    await makePrivateFolder(folder)
    const level = await openLevel(folder)
    const from = await readFormat(folder, level).catch(async (err: unknown) => {
      await level.close()
      throw err
    })
    const steps = from === undefined ? [] : pendingFrom(from, migrations)
    if (from === undefined || steps.length === 0) {
      return await Database.over(level, folder, migrations)
    }
    await migrateStore(folder, level, { from, steps })
    return await Database.over(await openLevel(folder), folder, migrations)
  }

  /** The database over a store that is open; failures call it `folder`. @throws {KithError} `too-new`, `corrupt` */
  static async over(
    level: Store,
    folder: string,
    migrations: readonly Migration[] = MIGRATIONS,
  ): Promise<Database> {
    const known = formatWanted(migrations)
    try {
      const version = await readFormat(folder, level)
      if (version === undefined) await level.batch([formatRow(level, known)], { sync: true })
      else if (version > known) throw tooNew(folder, version, known)
    } catch (err) {
      await level.close()
      throw err
    }
    return new Database(folder, level, known)
  }

  /** Why the disk refused a write, once it has: since then nothing has been written. */
  get failure(): KithError<'store-failed'> | undefined {
    return this.#failure
  }

  /** Writes that were taken, and those that are done: a disk that hangs refuses nothing. */
  get writes(): Readonly<{ begun: number; done: number }> {
    return this.#writes
  }

  sublevel(name: string): Sublevel {
    return sublevelOf(this.#level, name)
  }

  snapshot(): Snapshot {
    return this.#level.snapshot()
  }

  /**
   * Resolves when all of `operations` are written, in one batch and after those of every earlier
   * call. Calls in one tick share a batch: a crash leaves all of them, or none. What is written survives the end of this process; what is `durable`, the machine's too.
   *
   * @throws {KithError} `store-failed` when the disk refuses this write or has refused an earlier
   *   one, `stopping` after `close()`.
   */
  async write(operations: Operation[], { durable }: WriteOptions): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#closing) throw new KithError('stopping', `${this.#folder} is closed`, {})
    this.#writes.begun++
    await new Promise<void>((resolve, reject) => {
      this.#queue.push({ operations, durable, resolve, reject })
      this.#flushing ??= this.#flush()
    })
  }

  /** Resolves when every write taken so far is done and the folder is free for another process. */
  async close(): Promise<void> {
    this.#closing = true
    await this.#flushing
    await this.#level.close()
  }

  async #flush(): Promise<void> {
    // Whoever writes in the same tick as the first gets into its group.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const group = this.#queue
      this.#queue = []
      try {
        await this.#level.batch(
          group.flatMap((write) => write.operations),
          { sync: group.some((write) => write.durable) },
        )
        this.#writes.done += group.length
        for (const write of group) write.resolve()
      } catch (err) {
        this.#fail(err, group)
      }
    }
    this.#flushing = undefined
  }

  /** What LevelDB holds after a failed batch is unknown, and order would be lost by going on. */
  #fail(cause: unknown, group: Write[]): void {
    const failure = new KithError(
      'store-failed',
      `could not write to ${this.#folder}`,
      { folder: this.#folder },
      { cause, hint: `check the disk (df -h ${this.#folder}), then restart` },
    )
    this.#failure = failure
    for (const write of [...group, ...this.#queue]) write.reject(failure)
    this.#queue = []
  }
}

// No return type: level exports no name for what its sublevel() returns; `Sublevel` is that name.
function sublevelOf(level: Store, name: string) {
  return level.sublevel<string, Uint8Array>(name, { valueEncoding: BYTES })
}

/** The failure of a store that a later kith has written. */
function tooNew(folder: string, version: number, known: number): KithError<'too-new'> {
  return new KithError(
    'too-new',
    `${folder} has format ${version}; this kith knows up to ${known}`,
    { what: folder, version, known },
    { hint: 'run the kith that wrote it, or a later one' },
  )
}
