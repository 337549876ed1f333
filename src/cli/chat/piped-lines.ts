import { createInterface } from 'node:readline'
import type { Interface } from 'node:readline'
import type { Input } from '../context.ts'
import type { Lines } from './lines.ts'

/** The lines of a file or of another program. */
export class PipedLines implements Lines {
  onInterrupt = (): void => undefined
  readonly #reader: Interface
  readonly #lines: AsyncIterator<string>

  constructor({ stdin }: { stdin: Input }) {
    this.#reader = createInterface({ input: stdin, terminal: false, crlfDelay: Infinity })
    this.#lines = this.#reader[Symbol.asyncIterator]()
  }

  async next(): Promise<string | undefined> {
    const next = await this.#lines.next()
    return next.done === true ? undefined : next.value
  }

  close(): void {
    this.#reader.close()
  }
}
