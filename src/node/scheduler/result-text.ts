import { cutToBytes } from '../../agent/cut.ts'
import { MAX_RESULT_BYTES } from './artifact.ts'

/** A secret that the end of what is kept cuts in two would no longer be found: so much more is looked at. */
const SLACK_CHARS = 65_536

/** How much of the end is looked at for the last line, in UTF-16 units. */
const MAX_TAIL_CHARS = 16_384

/** The beginning and the last line of a result that comes in pieces, however long it is. */
export class ResultText {
  #head = ''
  #tail = ''
  #chars = 0

  push(piece: string): void {
    this.#chars += piece.length
    const room = MAX_RESULT_BYTES + SLACK_CHARS - this.#head.length
    if (room > 0) this.#head += piece.slice(0, room)
    this.#tail = `${this.#tail}${piece}`.slice(-MAX_TAIL_CHARS)
  }

  /** What a run makes of it: at most `MAX_RESULT_BYTES`, without what `redacted` takes out. */
  content(redacted: (text: string) => string = (text) => text): { content: string; cut?: true } {
    const { leftOut, text } = cutToBytes(redacted(this.#head.toWellFormed()), MAX_RESULT_BYTES)
    const whole = leftOut === 0 && this.#chars === this.#head.length
    return { content: text, ...(whole ? {} : { cut: true }) }
  }

  /** The last line that says something. */
  get lastLine(): string {
    return this.#tail.trimEnd().split('\n').at(-1) ?? ''
  }
}
