/** One line of a node's log. */
export interface LogLine {
  level: string
  msg: string
  [key: string]: unknown
}

export type LogPredicate = (line: LogLine) => boolean

interface Waiter {
  predicate: LogPredicate
  resolve: (line: LogLine) => void
}

/** No node takes so long for anything that a test waits for. */
const PATIENCE_MS = 15_000

/** The JSON lines of a log as they come, and a way to wait for one of them. A destination for pino. */
export class LogTap {
  readonly lines: LogLine[] = []
  readonly #waiters = new Set<Waiter>()
  #rest = ''

  write(chunk: string): void {
    const parts = (this.#rest + chunk).split('\n')
    this.#rest = parts.pop() ?? ''
    for (const part of parts) this.#take(JSON.parse(part) as LogLine)
  }

  /** Marks this moment, for `line`. */
  get mark(): number {
    return this.lines.length
  }

  /** The first line since `from` that fits: one that is there, or the next one that comes. */
  async line(predicate: LogPredicate, from = 0): Promise<LogLine> {
    const found = this.lines.slice(from).find(predicate)
    if (found !== undefined) return found
    const { promise, reject, resolve } = Promise.withResolvers<LogLine>()
    const waiter = { predicate, resolve }
    this.#waiters.add(waiter)
    const timer = setTimeout(() => {
      const last = this.lines.slice(-8).map((line) => JSON.stringify(line))
      reject(new Error(`no such line in the log: ${String(predicate)}\n${last.join('\n')}`))
    }, PATIENCE_MS)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#waiters.delete(waiter)
    }
  }

  #take(line: LogLine): void {
    this.lines.push(line)
    for (const { predicate, resolve } of this.#waiters) if (predicate(line)) resolve(line)
  }
}
