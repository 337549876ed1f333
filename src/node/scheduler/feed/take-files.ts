import { sha256 } from '../../../protocol/sha256.ts'
import type { FeedQueue, Look, Taken } from './feed-queue.ts'
import type { FeedRule } from './feed-rule.ts'
import { MAX_LEFT_TOLD } from './feed-rows.ts'
import { listFolder, readFeedFile } from './folder.ts'
import { isNew, isSettled, positionOf, refusalOf } from './select.ts'
import type { FolderFile } from './select.ts'

/** Files, and their bytes, that are stored in one batch: few enough that other writes need not wait long behind it. */
const BATCH_FILES = 100
const BATCH_BYTES = 4_194_304

export interface TakeContext {
  now: number
  /** Called as it goes on. */
  progress: () => void
  signal: AbortSignal
}

/**
 * Takes what is new in the folder of a feed, the oldest first, as far as there is room. What was taken is on disk when
 * this resolves, with what is known of its files; what stays behind is told of.
 *
 * @throws {KithError} as `listFolder`; the signal's reason
 */
export async function takeFiles(
  queue: FeedQueue,
  rule: FeedRule,
  { now, progress, signal }: TakeContext,
): Promise<void> {
  await queue.moveTo(rule.folder)
  const files = await listFolder(rule.folder, rule.accept, progress, signal)
  const fresh = files.filter((file) => isNew(file, queue.state.cursor, queue.seen))
  const look = new Looking()
  let batch = new Batch()
  for (const [index, file] of fresh.entries()) {
    signal.throwIfAborted()
    const refusal = refusalOf(file, rule)
    if (refusal !== undefined) {
      look.leave(file, refusal)
      continue
    }
    if (!isSettled(file, now)) {
      look.wait([file])
      continue
    }
    const full = queue.fullWith(file.sizeBytes, batch)
    if (full !== undefined) {
      look.full = full
      look.wait(fresh.slice(index))
      break
    }
    const read = await readFeedFile(rule.folder, file)
    progress()
    if (read === 'changed') look.wait([file])
    else if ('why' in read) look.leave(file, read.why)
    else batch.add(file, read.bytes, queue)
    if (!batch.isLarge) continue
    await queue.take(batch.taken, now)
    batch = new Batch()
  }
  if (batch.taken.length > 0) await queue.take(batch.taken, now)
  await queue.endLook(look.result(), now)
}

/** Files that are stored as one. */
class Batch {
  readonly taken: Taken[] = []
  readonly #hashes = new Set<string>()
  bytes = 0

  add(file: FolderFile, content: Uint8Array, known: Pick<FeedQueue, 'has'>): void {
    const hash = Buffer.from(sha256(content)).toString('hex')
    const item = known.has(hash) || this.#hashes.has(hash) ? undefined : { hash, content }
    this.taken.push({ file, item })
    if (item === undefined) return
    this.#hashes.add(hash)
    this.bytes += content.byteLength
  }

  get items(): number {
    return this.#hashes.size
  }

  get isLarge(): boolean {
    return this.taken.length >= BATCH_FILES || this.bytes >= BATCH_BYTES
  }
}

/** What is not taken in a look, and why. */
class Looking {
  full: string | undefined
  #behind = 0
  #hold: string | undefined
  #left = 0
  readonly #leftTold: { name: string; why: string }[] = []

  leave({ name }: FolderFile, why: string): void {
    this.#left++
    if (this.#leftTold.length < MAX_LEFT_TOLD) this.#leftTold.push({ name, why })
  }

  /** In order: the first that waits is the one before which the cursor stays. */
  wait(files: readonly FolderFile[]): void {
    const [first] = files
    if (first !== undefined) this.#hold ??= positionOf(first)
    this.#behind += files.length
  }

  result(): Look {
    return {
      ...{ behind: this.#behind, hold: this.#hold, left: this.#left, leftTold: this.#leftTold },
      ...(this.full === undefined ? {} : { full: this.full }),
    }
  }
}
