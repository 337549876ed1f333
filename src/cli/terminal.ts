import type { Writable } from 'node:stream'
import { styleText } from 'node:util'
import { singleLine, terminalSafe } from '../protocol/text.ts'

/** Where a command writes. A terminal says so by `isTTY`. */
export type Output = Writable & { isTTY?: boolean; columns?: number }

/** The two streams of a command: results go to `stdout`, all else to `stderr`. */
export interface Outputs {
  stdout: Output
  stderr: Output
  env: NodeJS.ProcessEnv
}

/** Longest cell of a table, in code points: an address or a key fits. The last of a row moves no other. */
const MAX_CELL_CHARS = 96
const MAX_LAST_CELL_CHARS = 512

/** Width of a terminal that does not tell its own, or says 0, as a serial line does. */
const DEFAULT_COLUMNS = 80

const CLEAR_LINE = '\r\u001B[2K'

export function isTerminal(stream: { isTTY?: boolean }): boolean {
  return stream.isTTY === true
}

/** Writes a result, as it is. */
export function print({ stdout }: Pick<Outputs, 'stdout'>, text: string): void {
  stdout.write(`${text}\n`)
}

/** Writes a result as one line of JSON. */
export function printJson(outputs: Pick<Outputs, 'stdout'>, value: unknown): void {
  print(outputs, safeJson(value))
}

/** Writes what is no result, as `kith: …`. */
export function note({ stderr }: Pick<Outputs, 'stderr'>, text: string): void {
  stderr.write(`kith: ${terminalSafe(text)}\n`)
}

/** `text` in a colour where the results go to a terminal and nobody has said no (no-color.org). */
export function paint(
  { env, stdout }: Pick<Outputs, 'env' | 'stdout'>,
  style: 'bold' | 'gray' | 'green' | 'red' | 'yellow',
  text: string,
): string {
  const plain = !isTerminal(stdout) || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb'
  return plain ? text : styleText(style, text, { validateStream: false })
}

/**
 * `rows` with aligned columns. Each cell is one line, safe for a terminal; `painted` may put colours around it, and
 * is told where it stands.
 */
export function table(
  rows: readonly (readonly string[])[],
  painted: (cell: string, row: number, column: number) => string = (cell) => cell,
): string {
  const safe = rows.map((row) =>
    row.map((cell, index) =>
      singleLine(cell, index === row.length - 1 ? MAX_LAST_CELL_CHARS : MAX_CELL_CHARS),
    ),
  )
  const widths: number[] = []
  for (const row of safe) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, widthOf(cell))
    }
  }
  return safe
    .map((row, at) =>
      row
        .map((cell, column) => {
          const room = Math.max(0, (widths[column] ?? 0) - widthOf(cell))
          return painted(cell, at, column) + ' '.repeat(room)
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** JSON of `value` in one line, with whatever could trouble a terminal as `\uXXXX`. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(/[^\x20-\x7E]/gu, (character) =>
    terminalSafe(character) === character ? character : escaped(character),
  )
}

/** A line that says what goes on, overwritten by the next. On a terminal only. */
export class Progress {
  readonly #stream: Output
  #shown = false

  constructor(stream: Output) {
    this.#stream = stream
  }

  show(text: string): void {
    if (!isTerminal(this.#stream)) return
    const { columns = 0 } = this.#stream
    const width = columns > 0 ? columns : DEFAULT_COLUMNS
    this.#stream.write(CLEAR_LINE + singleLine(text, Math.max(1, width - 1)))
    this.#shown = true
  }

  clear(): void {
    if (this.#shown) this.#stream.write(CLEAR_LINE)
    this.#shown = false
  }
}

function widthOf(cell: string): number {
  return Array.from(cell).length
}

function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
