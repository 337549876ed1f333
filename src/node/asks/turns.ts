import { KithError } from '../../protocol/errors.ts'

/** What waits for a turn, or has one. */
export interface Turn {
  /** Who it is for: owners take turns, and within one the oldest comes first. */
  owner: string
  /** Turns that this owner may have at once. */
  parallel: number
  /** Places that this owner may take in the queue. */
  queue: number
}

export interface TurnsInit {
  /** Turns at once, of all owners. */
  parallel: number
  /** Places in the queue, of all owners. */
  queue: number
}

/** Who runs and who waits: so many at once in all and for each owner, the rest in a bounded queue, in fair turns. */
export class Turns<T extends Turn> {
  readonly #parallel: number
  readonly #places: number
  readonly #running = new Set<T>()
  /** Those that gave their turn back until they can use it. */
  readonly #parked = new Set<T>()
  /** In the order of their turns: an owner that was served goes to the end. */
  readonly #waiting = new Map<string, T[]>()

  constructor(init: TurnsInit) {
    this.#parallel = init.parallel
    this.#places = init.queue
  }

  get running(): number {
    return this.#running.size
  }

  get waiting(): number {
    let waiting = 0
    for (const turns of this.#waiting.values()) waiting += turns.length
    return waiting
  }

  /** Turns of this owner that run, are parked or wait. */
  of(owner: string): number {
    const parked = countOf(this.#parked, owner)
    return (this.#waiting.get(owner)?.length ?? 0) + parked + countOf(this.#running, owner)
  }

  /** @throws {KithError} `busy` when neither a turn nor a place in the queue is free for this one */
  assertRoom({ owner, parallel, queue }: Turn): void {
    const position = this.of(owner)
    const startsNow = this.#running.size < this.#parallel && position < parallel
    if (startsNow || (position < parallel + queue && this.waiting < this.#places)) return
    throw new KithError('busy', `${position} asks of this peer are waiting or running`, {
      position,
    })
  }

  /** Gives this one a turn and returns true, or a place in the queue. */
  enter(turn: T): boolean {
    const queued = this.#waiting.get(turn.owner)
    if (queued === undefined && this.#mayRun(turn)) {
      this.#running.add(turn)
      return true
    }
    if (queued === undefined) this.#waiting.set(turn.owner, [turn])
    else queued.push(turn)
    return false
  }

  /** Takes back the turn of one that can do nothing for now. It keeps its place among those of its owner. */
  park(turn: T): void {
    this.#running.delete(turn)
    this.#parked.add(turn)
  }

  /** Gives a parked one its turn again, at once: what it has begun is worth more than what has not. */
  unpark(turn: T): void {
    if (this.#parked.delete(turn)) this.#running.add(turn)
  }

  /** Takes this one out, wherever it stands. */
  leave(turn: T): void {
    if (this.#running.delete(turn) || this.#parked.delete(turn)) return
    const left = this.#waiting.get(turn.owner)?.filter((other) => other !== turn) ?? []
    if (left.length > 0) this.#waiting.set(turn.owner, left)
    else this.#waiting.delete(turn.owner)
  }

  /** Gives the next one in the queue its turn; undefined when none may have one now. */
  next(): T | undefined {
    for (const [owner, turns] of this.#waiting) {
      const [first, ...rest] = turns
      if (first === undefined || !this.#mayRun(first)) continue
      this.#waiting.delete(owner)
      if (rest.length > 0) this.#waiting.set(owner, rest)
      this.#running.add(first)
      return first
    }
    return undefined
  }

  #mayRun({ owner, parallel }: Turn): boolean {
    return this.#running.size < this.#parallel && countOf(this.#running, owner) < parallel
  }
}

function countOf(turns: Iterable<Turn>, owner: string): number {
  let count = 0
  for (const turn of turns) if (turn.owner === owner) count++
  return count
}
