import { KithError } from '../../../protocol/errors.ts'
import type { Database, Operation } from '../../../store/database.ts'
import { feedKey, feedRange, blankFeed } from './feed-rows.ts'
import type { FeedRows, FeedState } from './feed-rows.ts'
import { begun, ended, failed, isOpen, released } from './item.ts'
import type { Item, Verdict } from './item.ts'
import { forget } from './select.ts'
import type { FolderFile, SeenFile } from './select.ts'

/** What a feed holds. */
export interface FeedCaps {
  /** Items that are not done. Beyond it nothing is taken: what waits never gives way. */
  openItems: number
  openBytes: number
  /** Files and items that are done of which it knows. Beyond it the oldest are forgotten. */
  kept: number
}

export const FEED_CAPS: FeedCaps = { openItems: 1_000, openBytes: 67_108_864, kept: 20_000 }

/** A new file that was read: what it holds, unless that was taken before. */
export interface Taken {
  file: FolderFile
  item: { hash: string; content: Uint8Array } | undefined
}

/** What a look came to. */
export type Look = Pick<FeedState, 'behind' | 'full' | 'left' | 'leftTold'> & {
  /** Position of the first file that stays behind. */
  hold: string | undefined
}

/**
 * The items of one feed, from being taken to being done. A change is made at once, in memory, and then written; what
 * changes together is written in one batch.
 */
export class FeedQueue {
  readonly #job: string
  readonly #database: Database
  readonly #rows: FeedRows
  readonly #caps: FeedCaps
  readonly #items = new Map<string, Item>()
  readonly #seen = new Map<string, SeenFile>()
  /** What is not done. */
  readonly #open = { items: 0, bytes: 0 }
  #state: FeedState

  private constructor(job: string, database: Database, rows: FeedRows, caps: FeedCaps) {
    this.#job = job
    this.#database = database
    this.#rows = rows
    this.#caps = caps
    this.#state = blankFeed(job, '')
  }

  static async load(
    job: string,
    database: Database,
    rows: FeedRows,
    caps: FeedCaps,
  ): Promise<FeedQueue> {
    const queue = new FeedQueue(job, database, rows, caps)
    for await (const item of rows.items.values(feedRange(job))) queue.#set(item)
    for await (const file of rows.seen.values(feedRange(job))) queue.#seen.set(file.name, file)
    queue.#state = (await rows.feeds.get(job)) ?? queue.#state
    return queue
  }

  get state(): FeedState {
    return this.#state
  }

  get seen(): ReadonlyMap<string, SeenFile> {
    return this.#seen
  }

  /** All items that are known. */
  get items(): Item[] {
    return [...this.#items.values()]
  }

  get underway(): Item | undefined {
    return this.items.find(({ state }) => state === 'underway')
  }

  /** The item whose turn it is. */
  get next(): Item | undefined {
    const waiting = this.items.filter(({ state }) => state === 'waiting')
    return waiting.reduce<Item | undefined>(
      (first, item) => (first === undefined || item.turn < first.turn ? item : first),
      undefined,
    )
  }

  has(hash: string): boolean {
    return this.#items.has(hash)
  }

  /** What is not done, in items and bytes. */
  get load(): { items: number; bytes: number } {
    return { ...this.#open }
  }

  /** Begins anew where the folder is another one: what was seen of the last says nothing of it. On disk when it resolves. */
  async moveTo(folder: string): Promise<void> {
    if (this.#state.folder === folder) return
    const gone = [...this.#seen.values()]
    this.#state = blankFeed(this.#job, folder, this.#state.turn)
    await this.#write([this.#putState(), ...this.#forgetFiles(gone)], true)
  }

  /** Stores files as seen, and as items what they hold that is new. On disk, as one, when this resolves. */
  async take(taken: readonly Taken[], now: number): Promise<void> {
    const operations: Operation[] = []
    for (const { file, item } of taken) {
      const { changed, inode, name, sizeBytes } = file
      const seen = { changed, inode, name, sizeBytes }
      this.#seen.set(name, seen)
      operations.push(this.#rows.seen.put(feedKey(this.#job, name), seen))
      if (item === undefined) continue
      const { content, hash } = item
      operations.push(
        this.#rows.contents.put(feedKey(this.#job, hash), content),
        this.#put({
          ...{ item: hash, job: this.#job, name, sizeBytes, takenAt: now },
          ...{ state: 'waiting', turn: this.#turn(), failures: 0 },
        }),
      )
    }
    await this.#write([...operations, this.#putState()], true)
  }

  /** Stores what a look came to, and forgets what is over the caps: the cursor moves on in the same batch. */
  async endLook({ full, hold, ...look }: Look, now: number): Promise<void> {
    const { kept } = this.#caps
    const { cursor, gone } = forget(this.#seen.values(), kept, this.#state.cursor, hold)
    const done = this.items
      .filter((item) => !isOpen(item))
      .sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))
      .slice(kept)
    const { folder, job, turn } = this.#state
    this.#state = {
      ...{ job, folder, turn, cursor, lookedAt: now },
      ...look,
      ...(full === undefined ? {} : { full }),
    }
    for (const { item } of done) this.#items.delete(item)
    const operations = [
      this.#putState(),
      ...this.#forgetFiles(gone),
      ...done.map(({ item }) => this.#rows.items.del(feedKey(this.#job, item))),
    ]
    // What is lost of it by a power cut, the next look finds again.
    await this.#write(operations, false)
  }

  /** Why there is no room for an item beside `more` that are not stored yet, or undefined. */
  fullWith(sizeBytes: number, more: { items: number; bytes: number }): string | undefined {
    const { openBytes, openItems } = this.#caps
    const { bytes, items } = this.#open
    if (items + more.items >= openItems) return `${openItems} items are not done`
    if (bytes + more.bytes + sizeBytes <= openBytes) return undefined
    return `its items that are not done have ${bytes + more.bytes} bytes; ${openBytes} are kept`
  }

  /** @throws {KithError} `corrupt` */
  async content({ item, name }: Item): Promise<Uint8Array> {
    const content = await this.#rows.contents.get(feedKey(this.#job, item))
    if (content !== undefined) return content
    const what = `feed-contents/${feedKey(this.#job, item)}`
    throw new KithError('corrupt', `the content of ${name} is not there`, { what })
  }

  /** Gives an item to a run. On disk when this resolves: whatever comes, it was tried. */
  async begin(item: Item, run: string, ask: string | undefined): Promise<Item> {
    const next = begun(item, run, ask)
    await this.#write([this.#put(next)], true)
    return next
  }

  /** Stores that an item has failed, and returns it as it is then. */
  async fail(
    item: Item,
    failure: { code: string; why: string },
    verdict: Verdict,
    { now, quarantineAfter }: { now: number; quarantineAfter: number },
  ): Promise<Item> {
    const next = failed(item, failure, verdict, { now, quarantineAfter, turn: this.#turn() })
    await this.#write([this.#put(next), this.#putState()], true)
    return next
  }

  /** The changes that store that the item of a run is done, to be written as one with the end of that run. */
  doneRows(run: string, now: number): Operation[] {
    const item = this.underway
    if (item?.run !== run) return []
    return this.#end(item, 'done', now)
  }

  /** Gives items that were set aside all their chances again. */
  async release(items: readonly Item[]): Promise<void> {
    const operations = items.map((item) => this.#put(released(item, this.#turn())))
    await this.#write([...operations, this.#putState()], true)
  }

  /** Gives up items that were set aside. What they hold is not taken again. */
  async discard(items: readonly Item[], now: number): Promise<void> {
    await this.#write(
      items.flatMap((item) => this.#end(item, 'discarded', now)),
      true,
    )
  }

  #end(item: Item, state: 'done' | 'discarded', now: number): Operation[] {
    return [
      this.#put(ended(item, state, now)),
      this.#rows.contents.del(feedKey(this.#job, item.item)),
    ]
  }

  /** The next place in the queue. It has to be written with the one that gets it. */
  #turn(): number {
    const { turn } = this.#state
    this.#state = { ...this.#state, turn: turn + 1 }
    return turn
  }

  #set(item: Item): void {
    const before = this.#items.get(item.item)
    for (const [one, sign] of [
      [before, -1],
      [item, 1],
    ] as const) {
      if (one === undefined || !isOpen(one)) continue
      this.#open.items += sign
      this.#open.bytes += sign * one.sizeBytes
    }
    this.#items.set(item.item, item)
  }

  #put(item: Item): Operation {
    this.#set(item)
    return this.#rows.items.put(feedKey(this.#job, item.item), item)
  }

  #putState(): Operation {
    return this.#rows.feeds.put(this.#job, this.#state)
  }

  #forgetFiles(files: readonly SeenFile[]): Operation[] {
    for (const { name } of files) this.#seen.delete(name)
    return files.map(({ name }) => this.#rows.seen.del(feedKey(this.#job, name)))
  }

  async #write(operations: Operation[], durable: boolean): Promise<void> {
    await this.#database.write(operations, { durable })
  }
}
