import { createInterface } from 'node:readline'
import type { Interface } from 'node:readline'
import { Writable } from 'node:stream'
import type { CliContext } from '../context.ts'
import { note } from '../terminal.ts'
import type { Output } from '../terminal.ts'
import type { Lines } from './lines.ts'

/** Lines that can be called back by an arrow key. */
const HISTORY_SIZE = 1_000

/**
 * Lines as a person types them at a terminal, edited by readline. It reads all the time, so that the terminal stays in
 * its hands: what is typed while an answer is printed is not shown, and is there again at the next prompt.
 */
export class TypedLines implements Lines {
  onInterrupt = (): void => undefined
  readonly #cli: Pick<CliContext, 'stderr'>
  readonly #prompt: string
  readonly #screen: Screen
  readonly #reader: Interface
  /** Lines that were entered before they were wanted. */
  readonly #early: string[] = []
  #wanted: ((line: string | undefined) => void) | undefined
  /** True while what is typed answers a question. */
  #asking = false
  #warned = false
  #closed = false

  constructor(cli: Pick<CliContext, 'stderr' | 'stdin'>, prompt: string) {
    this.#cli = cli
    this.#prompt = prompt
    this.#screen = new Screen(cli.stderr)
    this.#reader = createInterface({
      input: cli.stdin,
      output: this.#screen,
      terminal: true,
      historySize: HISTORY_SIZE,
      removeHistoryDuplicates: true,
    })
    this.#reader
      .on('line', (line) => {
        this.#warned = false
        if (this.#wanted === undefined) this.#early.push(line)
        else this.#give(line)
      })
      .on('history', (history) => {
        // A yes that an arrow key brings back might be given to another question.
        if (this.#asking) history.shift()
      })
      .on('SIGINT', () => {
        this.#interrupted()
      })
      .on('close', () => {
        this.#closed = true
        this.#give(undefined)
      })
  }

  async next(): Promise<string | undefined> {
    const early = this.#early.shift()
    if (early !== undefined) {
      this.#cli.stderr.write(`${this.#prompt}${early}\n`)
      return early
    }
    const line = await this.#read(this.#prompt, undefined)
    // Ctrl-D leaves the cursor behind the prompt.
    if (line === undefined) this.#cli.stderr.write('\n')
    return line
  }

  readonly answer = async (question: string, signal: AbortSignal): Promise<string | undefined> => {
    const draft = this.#clear()
    this.#asking = true
    try {
      return await this.#read(question, signal)
    } finally {
      this.#asking = false
      this.#clear()
      if (!this.#closed) this.#reader.write(draft)
    }
  }

  close(): void {
    this.#reader.close()
  }

  async #read(prompt: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    signal?.throwIfAborted()
    if (this.#closed) return undefined
    // Where readline believes the cursor to be is wrong for what it could not show: it begins anew.
    const draft = this.#clear()
    const { promise, reject, resolve } = Promise.withResolvers<string | undefined>()
    const onAbort = (): void => {
      this.#cli.stderr.write('\n')
      reject(signal?.reason as Error)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#wanted = resolve
    this.#screen.shown = true
    this.#reader.setPrompt(prompt)
    this.#reader.prompt()
    this.#reader.write(draft)
    try {
      return await promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#wanted = undefined
      this.#screen.shown = false
    }
  }

  /** Hands a line to whoever waits for it. At once it is wanted no more: the next one may be in the same chunk. */
  #give(line: string | undefined): void {
    const wanted = this.#wanted
    this.#wanted = undefined
    this.#screen.shown = false
    wanted?.(line)
  }

  /** Takes out what is typed and not entered. */
  #clear(): string {
    const draft = this.#reader.line
    if (this.#closed || draft === '') return ''
    this.#reader.write(null, { ctrl: true, name: 'e' })
    this.#reader.write(null, { ctrl: true, name: 'u' })
    return draft
  }

  #interrupted(): void {
    if (this.#wanted === undefined || this.#asking) {
      if (this.#asking) this.#cli.stderr.write('\n')
      this.onInterrupt()
      return
    }
    const draft = this.#clear()
    if (draft === '' && this.#warned) {
      this.#give(undefined)
      return
    }
    this.#warned = draft === ''
    this.#cli.stderr.write('\n')
    if (this.#warned) note(this.#cli, 'Ctrl-C again leaves, and so does Ctrl-D')
    this.#reader.prompt()
  }
}

/** A terminal that readline writes to only while a line is wanted. */
class Screen extends Writable {
  shown = false
  readonly #terminal: Output

  constructor(terminal: Output) {
    super({ decodeStrings: false })
    this.#terminal = terminal
  }

  /** Where readline folds a line. */
  get columns(): number | undefined {
    return this.#terminal.columns
  }

  override _write(chunk: string, _encoding: BufferEncoding, done: () => void): void {
    if (this.shown) this.#terminal.write(chunk)
    done()
  }
}
