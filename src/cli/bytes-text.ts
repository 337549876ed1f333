const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** A count of bytes in the unit that says it shortest: `812 B`, `1.2 MB`, `34 GB`. */
export function bytesText(bytes: number): string {
  let [value, unit] = [bytes, 0]
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1_000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1
  return `${value.toFixed(digits)} ${UNITS[unit] ?? ''}`
}

/** How far something is, for a line that is overwritten: `writing [#####-----] 50 % of 1.2 GB`. */
export function barText(what: string, doneBytes: number, totalBytes: number): string {
  if (totalBytes === 0) return `${what} …`
  const share = Math.min(1, doneBytes / totalBytes)
  const filled = Math.round(share * BAR_CHARS)
  const bar = '#'.repeat(filled) + '-'.repeat(BAR_CHARS - filled)
  return `${what} [${bar}] ${Math.floor(share * 100)} % of ${bytesText(totalBytes)}`
}

const BAR_CHARS = 30
