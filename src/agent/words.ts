import { KithError } from '../protocol/errors.ts'

/** Most different words in a query, and the longest of them, in UTF-16 units: each is looked for in every line. */
export const MAX_WORDS = 16
export const MAX_WORD_CHARS = 64

/** Longest pattern, in UTF-16 units. */
export const MAX_PATTERN_CHARS = 256

/**
 * The words of a query, each once, as `hasAllWords` wants them.
 *
 * @throws {KithError} `bad-request` for more than `MAX_WORDS`, or one above `MAX_WORD_CHARS`
 */
export function wordsOf(query: string): string[] {
  const words = new Set(query.toLowerCase().split(/\s+/u))
  words.delete('')
  if (words.size > MAX_WORDS) throw unfit(`at most ${MAX_WORDS} words`)
  for (const { length } of words) {
    if (length > MAX_WORD_CHARS) throw unfit(`words of at most ${MAX_WORD_CHARS} characters`)
  }
  return [...words]
}

/** True if `text` holds each of `words`, in any order and whatever the case of its letters. */
export function hasAllWords(text: string, words: readonly string[]): boolean {
  const lower = text.toLowerCase()
  return words.every((word) => lower.includes(word))
}

/**
 * The test of whether a text fits `pattern`, in which `*` is any run of characters; without one, if it holds `pattern`.
 *
 * @throws {KithError} `bad-request` for a pattern above `MAX_PATTERN_CHARS`
 */
export function patternTest(pattern: string): (text: string) => boolean {
  if (pattern.length > MAX_PATTERN_CHARS) {
    throw unfit(`a pattern of at most ${MAX_PATTERN_CHARS} characters`)
  }
  const [first = '', ...others] = pattern.toLowerCase().split('*')
  const last = others.pop()
  if (last === undefined) return (text) => text.toLowerCase().includes(first)
  return (text) => fitsParts(text.toLowerCase(), first, others, last)
}

/** True if `text` begins with `first`, ends with `last`, and holds `others` between them, in order. */
function fitsParts(text: string, first: string, others: readonly string[], last: string): boolean {
  if (!text.startsWith(first)) return false
  // The leftmost place of each part is enough: it leaves the most room for those after it. Linear, unlike a RegExp.
  let from = first.length
  for (const part of others) {
    const at = text.indexOf(part, from)
    if (at === -1) return false
    from = at + part.length
  }
  return text.length - last.length >= from && text.endsWith(last)
}

function unfit(what: string): KithError<'bad-request'> {
  return new KithError('bad-request', `I take ${what}`, { what })
}
