import { createHash } from 'node:crypto'
import { KithError } from '../protocol/errors.ts'
import { singleLine } from '../protocol/text.ts'

/** Longest account of a call, in code points: of two UTF-16 units each, it is within what the wire takes. */
export const MAX_WHAT_CHARS = 512

/** How much of a text stands in an account of it, in code points, and of its digest, in hex digits. */
const MAX_BEGINNING_CHARS = 100
const DIGEST_CHARS = 16

/** What a terminal does not show, or acts upon. */
const UNSEEN = /[\p{Cc}\p{Default_Ignorable_Code_Point}\u{2028}\u{2029}\u{FFF9}-\u{FFFB}]/gu

/**
 * What would be done, as one line for a person to judge. What a terminal would not show is written out: left out, it
 * would take along what stands behind it, as a control sequence does, or make one command of two.
 */
export function shownLine(what: string): string {
  return singleLine(writtenOut(what), Infinity)
}

/** A text of several lines for a person to judge, with what a terminal would not show written out. */
export function shownText(text: string): string {
  return text.toWellFormed().split('\n').map(writtenOut).join('\n')
}

/** The beginning of a text in quotes, with its size, and the digest by which the whole of it is known again. */
export function accountOf(text: string): string {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, DIGEST_CHARS)
  // More than is shown: what is written out only gets longer.
  const quoted = JSON.stringify(text.slice(0, 2 * MAX_BEGINNING_CHARS + 1)).slice(1, -1)
  const characters = Array.from(shownLine(quoted))
  const beginning = characters.slice(0, MAX_BEGINNING_CHARS).join('')
  const more = characters.length > MAX_BEGINNING_CHARS ? '…' : ''
  return `${Buffer.byteLength(text)} bytes (sha256 ${digest}) "${beginning}"${more}`
}

/** @throws {KithError} `denied` with rule `approve` for a line that would have to be cut: its end would run unseen */
export function assertShown(tool: string, line: string): void {
  const characters = line.length > MAX_WHAT_CHARS ? Array.from(line).length : line.length
  if (characters <= MAX_WHAT_CHARS) return
  const why = `a person has to see all of it, and ${characters} characters are more than ${MAX_WHAT_CHARS}`
  const message = `${tool} did not run: ${why}; do it in shorter steps`
  throw new KithError('denied', message, { rule: 'approve' })
}

function writtenOut(text: string): string {
  return text.replace(UNSEEN, (character) =>
    character === '\n' ? '\\n' : `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`,
  )
}
