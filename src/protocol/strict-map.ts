import { z } from 'zod'

/** The schema of a map that has the keys of `shape` and no other: an unknown key says which one was meant. */
export function strictMap<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? unknownKeys(issue.keys, known) : undefined,
  })
}

function unknownKeys(keys: string[], known: readonly string[]): string {
  const guesses = keys.map((key) => {
    const near = nearest(key, known)
    return near === undefined ? key : `${key} (did you mean ${near}?)`
  })
  return `unknown key ${guesses.join(', ')}`
}

/** The one of `known` that `word` is most likely a slip of, or undefined when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  // Two slips in a long word, one in a short one: beyond that a guess misleads.
  let limit = word.length > 4 ? 2 : 1
  let found: string | undefined
  for (const candidate of known) {
    const slips = distance(word.toLowerCase(), candidate.toLowerCase())
    if (slips > limit || (slips === limit && found !== undefined)) continue
    limit = slips
    found = candidate
  }
  return found
}

/** Levenshtein's distance: how many characters to insert, delete or replace (Wagner and Fischer, 1974). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
