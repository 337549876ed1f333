import { CONTENDERS } from '../contenders/table.ts'

/**
 * The contenders named in `only`, separated by commas, in the order of the table; all without it.
 *
 * @throws {TypeError} on a name that is not in the table.
 */
export function chosen(only: string | undefined): string[] {
  const all = [...CONTENDERS.keys()]
  if (only === undefined) return all
  const names = only.split(',')
  const unknown = names.filter((name) => !CONTENDERS.has(name))
  if (unknown.length > 0) {
    throw new TypeError(`no contender ${unknown.join(', ')}; there are ${all.join(', ')}`)
  }
  return all.filter((name) => names.includes(name))
}
