import { Level } from 'level'
import { decode, encode } from '../protocol/cbor.ts'
import { KithError } from '../protocol/errors.ts'
import { makePrivateFolder } from './atomic-file.ts'

/** Version of the layout on disk. A store of a higher one is refused, a lower one migrated here. */
const FORMAT_VERSION = 1

/** What level's own `view` hands out are Buffers, whose slice() is a view where a Uint8Array's is a copy. */
const BYTES = {
  name: 'bytes',
  format: 'buffer' as const,
  encode: (value: Uint8Array) => Buffer.from(value.buffer, value.byteOffset, value.byteLength),
  decode: (row: Buffer) => new Uint8Array(row.buffer, row.byteOffset, row.byteLength),
}

type LevelDb = Level<string, Uint8Array>

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
  readonly #folder: string
  readonly #level: Store
  #queue: Write[] = []
  #flushing: Promise<void> | undefined
  #failure: KithError<'store-failed'> | undefined
  #closing = false

  private constructor(folder: string, level: Store) {
    this.#folder = folder
    this.#level = level
  }

  /**
   * The database in `folder`, made if there is none.
   *
   * @throws {KithError} `locked` when another process has it open, `too-new` when a later kith wrote
   *   it, `corrupt` when it is damaged, `unsafe-file` when the folder is open to others.
   */
  static async open(folder: string): Promise<Database> {
    await makePrivateFolder(folder)
    const level: LevelDb = new Level(folder, { valueEncoding: BYTES })
    await level.open().catch((err: unknown) => {
      throw openFailure(folder, err)
    })
    return await Database.over(level, folder)
  }

  /** The database over a store that is open; failures call it `folder`. @throws {KithError} `too-new`, `corrupt` */
  static async over(level: Store, folder: string): Promise<Database> {
    try {
      await checkFormat(folder, level)
    } catch (err) {
      await level.close()
      throw err
    }
    return new Database(folder, level)
  }

  /** Why the disk refused a write, once it has: since then nothing has been written. */
  get failure(): KithError<'store-failed'> | undefined {
    return this.#failure
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

function openFailure(folder: string, err: unknown): unknown {
  const reason = err instanceof Error ? err.cause : undefined
  const code = reason instanceof Error && 'code' in reason ? reason.code : undefined
  if (code === 'LEVEL_LOCKED') {
    return new KithError(
      'locked',
      `another process has ${folder} open`,
      { home: folder },
      { cause: err, hint: 'kith status' },
    )
  }
  if (code === 'LEVEL_CORRUPTION') {
    return new KithError(
      'corrupt',
      `${folder} is damaged`,
      { what: folder },
      { cause: err, hint: 'kith restore FILE' },
    )
  }
  return err
}

async function checkFormat(folder: string, level: Store): Promise<void> {
  const meta = sublevelOf(level, 'meta')
  const row = await meta.get('format')
  if (row === undefined) {
    const value = encode(FORMAT_VERSION)
    await level.batch([{ type: 'put', sublevel: meta, key: 'format', value }], { sync: true })
    return
  }
  const version = decode(row)
  if (typeof version !== 'number') {
    throw new KithError('corrupt', `${folder} has no format version`, { what: folder })
  }
  if (version > FORMAT_VERSION) {
    throw new KithError(
      'too-new',
      `${folder} has format ${version}; this kith knows up to ${FORMAT_VERSION}`,
      { what: folder, version, known: FORMAT_VERSION },
      { hint: 'run the kith that wrote it, or a later one' },
    )
  }
}
