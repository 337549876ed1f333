import { TerminalSafeStream } from '../../../../protocol/text.ts'
import type { AskReport, AskStreamItem, Output } from '../../../control/api.ts'
import { call, items, Refused } from './client.ts'
import { line } from './words.ts'

/** Most that is shown of an answer, in UTF-16 units, and of what was done for it. What came last is shown. */
const MAX_SHOWN_CHARS = 200_000
const MAX_STEPS = 100

/** How long a stream that broke off rests, in ms. */
const AGAIN_MS = 1_000

/** One step on the way to an answer. */
export interface Step {
  seq: number
  text: string
}

/** Reads one ask as it goes on: its question, what is done for it, its answer piece by piece, and its end. */
export class AskReader {
  /** The ask that is open. */
  ask: string | undefined
  shown: Output<'showAsk'> | undefined
  steps: Step[] = []
  answer = ''
  /** The beginning of the answer is left out. */
  cut = false
  final: AskReport['final']
  problem: Refused | undefined
  readonly #onChange: () => void
  #safe = new TerminalSafeStream()
  #lastSeq = 0
  #stop = new AbortController()

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** Opens one in the place of that which is open. */
  open(ask: string): void {
    this.close()
    this.ask = ask
    this.#read()
  }

  close(): void {
    this.#stop.abort()
    this.#safe = new TerminalSafeStream()
    this.#lastSeq = 0
    Object.assign(this, { ask: undefined, shown: undefined, final: undefined, problem: undefined })
    Object.assign(this, { steps: [], answer: '', cut: false })
  }

  /** Holds no connection while nobody looks; reads on from where it was. */
  onVisible(visible: boolean): void {
    this.#stop.abort()
    if (visible && this.ask !== undefined && this.final === undefined) this.#read()
  }

  #read(): void {
    this.#stop = new AbortController()
    void this.#follow(this.#stop.signal)
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { ask } = this
    // Another one may have been opened while this waited.
    const isOver = (): boolean =>
      signal.aborted || this.final !== undefined || this.problem !== undefined
    while (ask !== undefined && !isOver()) {
      try {
        await this.#readOn(ask, signal)
      } catch (err) {
        // Anything else is a node that is gone: the page says so, and this goes on when it is back.
        if (err instanceof Refused && !isOver()) this.problem = err
      }
      if (!signal.aborted) this.#onChange()
      if (!isOver()) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    }
  }

  async #readOn(ask: string, signal: AbortSignal): Promise<void> {
    const shown = this.shown ?? (await call('showAsk', { ask }))
    if (signal.aborted) return
    this.shown = shown
    for await (const item of items('askEvents', { ask, after: this.#lastSeq }, signal)) {
      this.#take(item)
      this.#onChange()
    }
  }

  #take(item: AskStreamItem): void {
    if (item.type === 'final') {
      this.final = item.final
      return
    }
    const { body, seq } = item
    this.#lastSeq = Math.max(this.#lastSeq, seq)
    if (body['kind'] === 'text') {
      this.answer += this.#safe.push(wordOf(body['text']))
      this.cut ||= this.answer.length > MAX_SHOWN_CHARS
      this.answer = this.answer.slice(-MAX_SHOWN_CHARS)
      return
    }
    const text = stepText(body)
    if (text !== undefined) this.steps = [...this.steps, { seq, text }].slice(-MAX_STEPS)
  }
}

/** What an event that is no text of the answer says. */
function stepText(body: Record<string, unknown>): string | undefined {
  switch (body['kind']) {
    case 'accepted':
      return body['position'] === 0 ? undefined : `waits behind ${String(body['position'])} others`
    case 'progress':
      return line(wordOf(body['note']))
    case 'tool':
      return `${line(wordOf(body['name']))}: ${wordOf(body['state'])}`
    case 'approval':
      return `approval ${wordOf(body['state'])}: ${line(wordOf(body['what']))}`
    default:
      return undefined
  }
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
