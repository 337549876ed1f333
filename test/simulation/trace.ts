import { createHash } from 'node:crypto'

/** Lines that a failure shows of what went before it. */
const KEPT_LINES = 40

/** What happened, line by line: the same seed gives the same lines. */
export class Trace {
  readonly #hash = createHash('sha256')
  readonly #startAt: number
  readonly #print: ((line: string) => void) | undefined
  #last: string[] = []

  constructor(startAt: number, print?: (line: string) => void) {
    this.#startAt = startAt
    this.#print = print
  }

  /** Notes what happened to whom. */
  note(at: number, who: string, what: string): void {
    const line = `${((at - this.#startAt) / 1_000).toFixed(3).padStart(9)} ${who.padEnd(6)} ${what}`
    this.#hash.update(line).update('\n')
    this.#print?.(line)
    this.#last.push(line)
    if (this.#last.length > 2 * KEPT_LINES) this.#last = this.#last.slice(-KEPT_LINES)
  }

  /** Counts bytes in, without a line of their own. */
  count(bytes: Uint8Array): void {
    this.#hash.update(bytes)
  }

  get last(): string[] {
    return this.#last.slice(-KEPT_LINES)
  }

  /** SHA-256 of all that was noted, in hexadecimal. Ends the trace. */
  digest(): string {
    return this.#hash.digest('hex')
  }
}
