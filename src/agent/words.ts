/** The words of a query, as `hasAllWords` wants them. */
export function wordsOf(query: string): string[] {
  return query
    .toLowerCase()
    .split(/\s+/u)
    .filter((word) => word !== '')
}

/** True if `text` holds each of `words`, in any order and whatever the case of its letters. */
export function hasAllWords(text: string, words: readonly string[]): boolean {
  const lower = text.toLowerCase()
  return words.every((word) => lower.includes(word))
}

/** True if `text` fits `pattern`, in which `*` is any run of characters; without one, if it holds `pattern`. */
export function fitsPattern(text: string, pattern: string): boolean {
  const lower = text.toLowerCase()
  const [first = '', ...others] = pattern.toLowerCase().split('*')
  const last = others.pop()
  if (last === undefined) return lower.includes(first)
  if (!lower.startsWith(first)) return false
  // The leftmost place of each part is enough: it leaves the most room for those after it. Linear, unlike a RegExp.
  let from = first.length
  for (const part of others) {
    const at = lower.indexOf(part, from)
    if (at === -1) return false
    from = at + part.length
  }
  return lower.length - last.length >= from && lower.endsWith(last)
}
