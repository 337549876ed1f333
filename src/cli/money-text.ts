const MICRO_PER_USD = 1_000_000
const LEAST_DIGITS = 2

/** Millionths of a US dollar, exactly: `$12.00`, `$0.10`, `$0.001234`. */
export function usdText(microUsd: number): string {
  const digits = String(microUsd % MICRO_PER_USD).padStart(6, '0')
  const cents = digits.slice(0, LEAST_DIGITS)
  const rest = digits.slice(LEAST_DIGITS).replace(/0+$/, '')
  return `$${Math.floor(microUsd / MICRO_PER_USD)}.${cents}${rest}`
}
