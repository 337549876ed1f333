import { InvalidArgumentError } from 'commander'

/** Parsers of option values, for commander. Each throws what it then says of a value that does not fit. */

export function positiveInteger(text: string): number {
  const value = Number(text)
  if (/^\d{1,9}$/.test(text) && value > 0) return value
  throw new InvalidArgumentError('It is a whole number from 1 on.')
}

export function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a whole number from 0 on.')
}

/** One more value of an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** One more of such an option, or several with commas between. */
export function collectList(value: string, before: readonly string[] = []): string[] {
  const items = value.split(',').map((item) => item.trim())
  return [...before, ...items.filter((item) => item !== '')]
}
