import { z } from 'zod'
import { KithError, isFailure } from '../protocol/errors.ts'
import { isNodeId } from '../protocol/node-id.ts'
import { parsePublicKey, peerIdOf } from '../protocol/peer-id.ts'
import type { Database } from '../store/database.ts'
import { Repository } from '../store/repository.ts'
import type { Clock } from './clock.ts'

/** Keys and node ids that can be blocked. */
export const MAX_BLOCKED = 1_024

const blockRecord = z.strictObject({
  /** Peer id of a key, or node id. */
  who: z.string(),
  at: z.int(),
})

export type Block = z.infer<typeof blockRecord>

/** Keys and node ids that the owner wants to have nothing to do with. It forgets none of them by itself. */
export class Blocklist {
  readonly #database: Database
  readonly #clock: Clock
  readonly #rows: Repository<Block>
  readonly #blocks = new Map<string, Block>()

  constructor({ clock, database }: { clock: Clock; database: Database }) {
    this.#database = database
    this.#clock = clock
    this.#rows = new Repository(database, 'blocked', blockRecord)
  }

  async start(): Promise<void> {
    for await (const block of this.#rows.values()) this.#blocks.set(block.who, block)
  }

  list(): Block[] {
    return [...this.#blocks.values()]
  }

  has(who: string): boolean {
    return this.#blocks.has(who)
  }

  /** @throws {KithError} `blocked` when this node id, or key in any of its forms, is */
  assertFree(who: string): void {
    const id = asWritten(who)
    if (!this.has(id)) return
    const hint = `kith peers unblock ${id}`
    throw new KithError('blocked', `${id} is blocked`, { who: id }, { hint })
  }

  /** Resolves when it is on disk. @throws {KithError} `list-full` */
  async add(who: string): Promise<Block> {
    const known = this.#blocks.get(who)
    if (known !== undefined) return known
    if (this.#blocks.size >= MAX_BLOCKED) {
      throw new KithError(
        'list-full',
        `${MAX_BLOCKED} keys and ids are blocked already`,
        { limit: MAX_BLOCKED },
        { hint: 'kith peers unblock one of them: kith peers pending --all' },
      )
    }
    const block = { who, at: this.#clock.now() }
    this.#blocks.set(who, block)
    await this.#database.write([this.#rows.put(who, block)], { durable: true })
    return block
  }

  /** Resolves when it is gone from the disk. @throws {KithError} `unknown-stranger` */
  async remove(who: string): Promise<void> {
    if (!this.#blocks.delete(who)) {
      const hint = 'kith peers pending --all'
      throw new KithError('unknown-stranger', `${who} is not blocked`, { key: who }, { hint })
    }
    await this.#database.write([this.#rows.del(who)], { durable: true })
  }
}

/** A key as its peer id. What is no key is left as it is: whoever pins it finds that out. */
function asWritten(who: string): string {
  if (isNodeId(who)) return who
  try {
    return peerIdOf(parsePublicKey(who))
  } catch (err) {
    if (!isFailure(err, 'usage')) throw err
    return who
  }
}
