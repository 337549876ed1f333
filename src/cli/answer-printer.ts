import type { AskStreamItem } from '../node/control/api.ts'
import { bodyOf, stepText } from './ask-steps.ts'
import type { AskStep } from './ask-steps.ts'
import { TerminalSafeStream } from '../protocol/text.ts'
import type { AskFinal } from '../protocol/verbs.ts'
import type { CliContext } from './context.ts'
import { isTerminal, note, printJson, Progress } from './terminal.ts'

/** How an answer is shown. */
export interface AnswerOptions {
  json?: true
  /** Leave controls in the text, unless it goes to a terminal. */
  raw?: true
  /** Print each piece as it comes; otherwise the whole at its end. @default true */
  stream?: boolean
}

/** Prints the answer in `items`, and on a terminal what its tools do; gives its final. */
export async function printAnswer(
  cli: Pick<CliContext, 'stderr' | 'stdout'>,
  items: AsyncIterable<AskStreamItem>,
  options: AnswerOptions,
): Promise<AskFinal> {
  const { json = false, stream = true } = options
  const progress = new Progress(cli.stderr)
  const text = new TextPrinter(cli, options)
  const steps: AskStep[] = []
  let whole = ''
  // Where both streams are one terminal, what is shown must not overwrite the answer, nor stand in its middle.
  const interpose = (): void => {
    progress.clear()
    if (isTerminal(cli.stderr)) text.endLine()
  }
  try {
    for await (const item of items) {
      if (json && stream) printJson(cli, item)
      if (item.type === 'final') {
        progress.clear()
        if (json && !stream) printJson(cli, { answer: whole, steps, final: item.final })
        if (!json && !stream) text.push(whole)
        return item.final
      }
      const body = bodyOf(item)
      switch (body.kind) {
        case 'text':
          if (!stream) whole += body.text
          else if (!json) {
            progress.clear()
            text.push(body.text)
          }
          break
        case 'progress':
          interpose()
          progress.show(body.note)
          break
        case 'tool':
        case 'approval':
          steps.push(body)
          interpose()
          showStep(cli, progress, body)
          break
        case 'accepted':
      }
    }
  } finally {
    progress.clear()
    text.end()
  }
  throw new TypeError('the stream of an ask ends with its final')
}

/** A line for what waits or has come to its end; what goes on is overwritten by what comes next. */
function showStep(cli: Pick<CliContext, 'stderr'>, progress: Progress, step: AskStep): void {
  if (step.state === 'begun') progress.show(stepText(step))
  else if (isTerminal(cli.stderr)) note(cli, stepText(step))
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

  /** Ends the line that a reader at the terminal sees. */
  endLine(): void {
    if (isTerminal(this.#stdout) && this.#last !== '\n') this.#write('\n')
  }

  #write(text: string): void {
    if (text === '') return
    this.#stdout.write(text)
    this.#last = text.slice(-1)
  }
}
