import type { Outputs } from '../../terminal.ts'
import { isTerminal, print } from '../../terminal.ts'

/** Private modes of xterm: 1049 is the alternate screen, 25 the cursor (xterm, "ctlseqs"). */
const ENTER = '\u001B[?1049h\u001B[?25l'
const LEAVE = '\u001B[?25h\u001B[?1049l'
/** To the first column of the first line, and everything after it cleared (ECMA-48 §8.3.21, §8.3.39). */
const HOME_AND_CLEAR = '\u001B[H\u001B[J'

/** A text that stays where it is while it changes. Without a terminal, each is written below the one before. */
export class Board {
  readonly #outputs: Pick<Outputs, 'stdout'>
  #last: string | undefined

  constructor(outputs: Pick<Outputs, 'stdout'>) {
    this.#outputs = outputs
  }

  /** Shows `text` in place of what stood there. */
  show(text: string): void {
    const { stdout } = this.#outputs
    if (isTerminal(stdout)) {
      if (this.#last === undefined) stdout.write(ENTER)
      stdout.write(`${HOME_AND_CLEAR}${text}\n`)
    } else {
      print(this.#outputs, this.#last === undefined ? text : `\n${text}`)
    }
    this.#last = text
  }

  /** Gives the terminal back as it was, with the last text below what stood there. */
  close(): void {
    const { stdout } = this.#outputs
    if (this.#last === undefined || !isTerminal(stdout)) return
    stdout.write(LEAVE)
    print(this.#outputs, this.#last)
  }
}
