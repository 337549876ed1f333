import { readFileSync } from 'node:fs'
import { ROOT } from '../helpers/imports.ts'

/** The text of a page, by its path from the root. */
export function page(path: string): string {
  return readFileSync(`${ROOT}/${path}`, 'utf8')
}

/** What stands below a heading, with the headings below it, up to the next one of its level or above. */
export function section(text: string, heading: string): string {
  const lines = text.split('\n')
  const start = lines.indexOf(heading)
  if (start === -1) throw new Error(`no heading ${heading}`)
  const level = heading.indexOf(' ')
  const end = lines.findIndex(
    (line, at) => at > start && /^#+ /.test(line) && line.indexOf(' ') <= level,
  )
  return lines.slice(start + 1, end === -1 ? undefined : end).join('\n')
}

/** The tables of a text, each as its rows without the head, each row as its cells. */
export function tables(text: string): string[][][] {
  const found = text.match(/^\|.*\n\| ?-.*\n(?:\|.*\n?)*/gm) ?? []
  return found.map((table) =>
    table
      .trim()
      .split('\n')
      .slice(2)
      .map((row) =>
        row
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      ),
  )
}

/** The first table of a text. */
export function table(text: string): string[][] {
  const [first] = tables(text)
  if (first === undefined) throw new Error('no table')
  return first
}

/** The text within a cell's first pair of backquotes. */
export function code(cell: string | undefined): string {
  return /`([^`]*)`/.exec(cell ?? '')?.[1] ?? ''
}
