import { Refused } from './client.ts'
import { line } from './words.ts'

/** How long it is told that something was done, in ms. What failed is told until it is put away. */
const TOLD_MS = 6_000

/** What came of the last thing that a person has done here. */
export interface Notice {
  good: boolean
  text: string
  /** What to type instead. */
  hint?: string
}

/** Does what a person asks for, one of a kind at a time, and says what came of it. */
export class Actions {
  notice: Notice | undefined
  readonly #busy = new Set<string>()
  readonly #onChange: () => void
  readonly #onDone: () => void
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `onDone` is called when the node may be another than before. */
  constructor(init: { onChange: () => void; onDone: () => void }) {
    this.#onChange = init.onChange
    this.#onDone = init.onDone
  }

  isBusy(key: string): boolean {
    return this.#busy.has(key)
  }

  /** Does it, unless it is under way. `run` resolves with what to say then. */
  do(key: string, run: () => Promise<string>): void {
    if (this.#busy.has(key)) return
    this.#busy.add(key)
    this.#onChange()
    void this.#run(key, run)
  }

  tell(notice: Notice): void {
    clearTimeout(this.#timer)
    this.notice = notice
    if (notice.good) {
      this.#timer = setTimeout(() => {
        this.putAway()
      }, TOLD_MS)
    }
    this.#onChange()
  }

  putAway(): void {
    this.notice = undefined
    this.#onChange()
  }

  async #run(key: string, run: () => Promise<string>): Promise<void> {
    try {
      this.tell({ good: true, text: await run() })
    } catch (err) {
      this.tell(failureNotice(err))
    }
    this.#busy.delete(key)
    this.#onDone()
  }
}

function failureNotice(err: unknown): Notice {
  if (err instanceof Refused) {
    const { code, hint, message } = err
    const text = `Refused (${code}): ${line(message)}`
    return { good: false, text, ...(hint === undefined ? {} : { hint: line(hint) }) }
  }
  const why = err instanceof Error ? line(err.message) : 'unknown'
  return { good: false, text: `It is not known whether that was done: ${why}.` }
}
