/** The one of `known` that `word` is most likely a slip of, or undefined when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  // Two slips in a long word, one in a short one, none in a letter: beyond that a guess misleads.
  let limit = Math.min(2, Math.floor(word.length / 2))
  let found: string | undefined
  for (const candidate of known) {
    const slips = distance(word.toLowerCase(), candidate.toLowerCase())
    if (slips > limit || (slips === limit && found !== undefined)) continue
    limit = slips
    found = candidate
  }
  return found
}

/**
 * How many characters to insert, delete, replace or swap with their neighbour (optimal string
 * alignment, a bounded form of Damerau 1964).
 */
function distance(a: string, b: string): number {
  let above: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(row, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      next.push(
        Math.min(
          replaced,
          at(row, j) + 1,
          at(next, j - 1) + 1,
          swapped ? at(above, j - 2) + 1 : Infinity,
        ),
      )
    }
    above = row
    row = next
  }
  return at(row, b.length)
}

function at(row: number[], index: number): number {
  return row[index] ?? Infinity
}
