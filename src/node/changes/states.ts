import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { z } from 'zod'
import { sha256 } from '../../protocol/sha256.ts'
import { bytes } from '../../protocol/verbs.ts'
import type { Database } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import { OWN_FILES } from './own-files.ts'
import type { OwnFiles } from './own-files.ts'
import { statesToDrop } from './state-retention.ts'

/** All contents together, compressed. The oldest states go first. */
const MAX_CONTENT_BYTES = 16_777_216

/** A content decompresses to no more: a file is read up to this size. */
const MAX_FILE_BYTES = 1_048_576

const stateRecord = z.strictObject({
  at: z.int(),
  /** Number of the last event of the node's own key log. */
  sn: z.int().nonnegative(),
  /** SHA-256 of what stood in each file, in hex. */
  files: z.record(z.string(), z.string()),
})
type StateRecord = z.infer<typeof stateRecord>

/** How this node was set up at a time. */
export interface State {
  at: number
  sn: number
  files: OwnFiles
}

/** How this node was set up, at each time when that changed. What stands in a file is kept once, by its hash. */
export class States {
  readonly #database: Database
  readonly #rows: Repository<StateRecord>
  readonly #contents: Repository<Uint8Array>

  constructor(database: Database) {
    this.#database = database
    this.#rows = new Repository(database, 'states', stateRecord)
    this.#contents = new Repository(database, 'state-contents', bytes)
  }

  /** The last one at or before `at`; with none, the first one there is; undefined when there is none. */
  async at(at: number): Promise<State | undefined> {
    for await (const record of this.#rows.values({ lte: keyOf(at), reverse: true, limit: 1 })) {
      return await this.#stateOf(record)
    }
    for await (const record of this.#rows.values({ limit: 1 })) return await this.#stateOf(record)
    return undefined
  }

  async last(): Promise<State | undefined> {
    return await this.at(Number.MAX_SAFE_INTEGER)
  }

  /** Keeps a state that is not that of the one before, and forgets those that are over the caps. */
  async keep({ at, files, sn }: State, maxBytes = MAX_CONTENT_BYTES): Promise<void> {
    const hashes: Record<string, string> = {}
    const operations = []
    for (const name of OWN_FILES) {
      const text = files[name]
      if (text === undefined) continue
      const hash = Buffer.from(sha256(Buffer.from(text))).toString('hex')
      hashes[name] = hash
      if ((await this.#contents.get(hash)) !== undefined) continue
      operations.push(this.#contents.put(hash, new Uint8Array(deflateRawSync(text))))
    }
    operations.push(this.#rows.put(keyOf(at), { at, sn, files: hashes }))
    await this.#database.write(operations, { durable: true })
    await this.#prune(at, maxBytes)
  }

  async #prune(now: number, maxBytes: number): Promise<void> {
    const records = await Array.fromAsync(this.#rows.values())
    const drop = new Set(
      statesToDrop(
        records.map(({ at }) => at),
        now,
      ),
    )
    const sizes = new Map<string, number>()
    for await (const [hash, content] of this.#contents.entries())
      sizes.set(hash, content.byteLength)
    // The newest first: what it needs is kept, whatever it takes.
    const needed = new Set<string>()
    let total = 0
    for (const { at, files } of records.toReversed()) {
      if (drop.has(at)) continue
      const fresh = Object.values(files).filter((hash) => !needed.has(hash))
      total += fresh.reduce((sum, hash) => sum + (sizes.get(hash) ?? 0), 0)
      if (total > maxBytes && needed.size > 0) drop.add(at)
      else for (const hash of fresh) needed.add(hash)
    }
    const operations = [
      ...[...drop].map((at) => this.#rows.del(keyOf(at))),
      ...[...sizes.keys()]
        .filter((hash) => !needed.has(hash))
        .map((hash) => this.#contents.del(hash)),
    ]
    if (operations.length > 0) await this.#database.write(operations, { durable: false })
  }

  async #stateOf({ at, files: hashes, sn }: StateRecord): Promise<State> {
    const files: OwnFiles = {}
    for (const name of OWN_FILES) {
      const hash = hashes[name]
      const content = hash === undefined ? undefined : await this.#contents.get(hash)
      if (content === undefined) continue
      files[name] = inflateRawSync(content, { maxOutputLength: MAX_FILE_BYTES }).toString()
    }
    return { at, sn, files }
  }
}

/** Fixed in width, so that the order of keys is that of times. */
function keyOf(at: number): string {
  return String(at).padStart(16, '0')
}
