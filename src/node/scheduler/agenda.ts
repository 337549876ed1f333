/** A name, and when its turn comes, in ms since the epoch. */
interface Entry {
  name: string
  at: number
}

/**
 * Keeps when each of many names is to be looked at, so that those whose time has come are found without going through
 * the rest: a binary heap, in which what no longer counts stays until it comes up.
 */
export class Agenda {
  readonly #times = new Map<string, number>()
  /** Each entry is not later than the two that it stands before, at 2n + 1 and 2n + 2. */
  readonly #heap: Entry[] = []
  readonly #come = new Set<string>()

  /** Looks at `name` at `at`, in place of whatever was set before; undefined: never. */
  set(name: string, at: number | undefined): void {
    this.#come.delete(name)
    if (at === undefined) {
      this.#times.delete(name)
      return
    }
    this.#times.set(name, at)
    this.#push({ name, at })
  }

  /** Names whose time has come, the earliest first. They stay so until another one is set. */
  come(now: number): readonly string[] {
    for (let first = this.#first(); first !== undefined && first.at <= now; first = this.#first()) {
      this.#pop()
      this.#times.delete(first.name)
      this.#come.add(first.name)
    }
    return [...this.#come]
  }

  /** When the next time comes, in ms since the epoch; undefined when there is none. What has come does not count. */
  get next(): number | undefined {
    return this.#first()?.at
  }

  /** The first entry that counts. */
  #first(): Entry | undefined {
    for (;;) {
      const [first] = this.#heap
      if (first === undefined || this.#times.get(first.name) === first.at) return first
      this.#pop()
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let index = heap.push(entry) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent]
      if (above === undefined || above.at <= entry.at) break
      heap[index] = above
      index = parent
    }
    heap[index] = entry
  }

  /** Takes the first entry out: the last one sinks from its place. */
  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      const [left, right] = [heap[2 * index + 1], heap[2 * index + 2]]
      const below = right !== undefined && left !== undefined && right.at < left.at ? right : left
      if (below === undefined || below.at >= last.at) break
      heap[index] = below
      index = below === right ? 2 * index + 2 : 2 * index + 1
    }
    heap[index] = last
  }
}
