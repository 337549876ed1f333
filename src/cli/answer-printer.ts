import type { AskStreamItem } from '../node/control/api.ts'
import { TerminalSafeStream } from '../protocol/text.ts'
import type { AskFinal } from '../protocol/verbs.ts'
import type { CliContext } from './context.ts'
import { isTerminal, printJson, Progress } from './terminal.ts'

/** How an answer is shown. */
export interface AnswerOptions {
  json?: true
  /** Leave controls in the text, unless it goes to a terminal. */
  raw?: true
  /** Print each piece as it comes; otherwise the whole at its end. @default true */
  stream?: boolean
}

/** Prints the answer in `items`, and gives its final. */
export async function printAnswer(
  cli: Pick<CliContext, 'stderr' | 'stdout'>,
  items: AsyncIterable<AskStreamItem>,
  options: AnswerOptions,
): Promise<AskFinal> {
  const { json = false, stream = true } = options
  const progress = new Progress(cli.stderr)
  const text = new TextPrinter(cli, options)
  let whole = ''
  try {
    for await (const item of items) {
      if (json && stream) printJson(cli, item)
      if (item.type === 'final') {
        progress.clear()
        if (json && !stream) printJson(cli, { answer: whole, final: item.final })
        if (!json && !stream) text.push(whole)
        return item.final
      }
      const { kind, note, text: piece } = item.body
      if (kind === 'progress' && typeof note === 'string') progress.show(note)
      if (kind !== 'text' || typeof piece !== 'string') continue
      if (!stream) {
        whole += piece
      } else if (!json) {
        progress.clear()
        text.push(piece)
      }
    }
  } finally {
    progress.clear()
    text.end()
  }
  throw new TypeError('the stream of an ask ends with its final')
}

/** Writes text that comes in pieces, safe for a terminal, and ends its last line. */
class TextPrinter {
  readonly #stdout: CliContext['stdout']
  readonly #safe: TerminalSafeStream | undefined
  #last = '\n'

  constructor({ stdout }: Pick<CliContext, 'stdout'>, { raw }: AnswerOptions) {
    this.#stdout = stdout
    this.#safe = raw === true && !isTerminal(stdout) ? undefined : new TerminalSafeStream()
  }

  push(piece: string): void {
    this.#write(this.#safe?.push(piece) ?? piece)
  }

  end(): void {
    this.#write(this.#safe?.end() ?? '')
    if (this.#last !== '\n') this.#write('\n')
  }

  #write(text: string): void {
    if (text === '') return
    this.#stdout.write(text)
    this.#last = text.slice(-1)
  }
}
