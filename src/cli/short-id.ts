import { KithError } from '../protocol/errors.ts'

/** Digits that are shown of an id. A UUIDv7 begins with its time, so it is the end that tells two of one day apart. */
const SHOWN_DIGITS = 8

/** How each of `ids` is shown in a table: the last digits, more of them where two would look the same. */
export function shortIds(ids: readonly string[]): (id: string) => string {
  let digits = SHOWN_DIGITS
  const longest = Math.max(0, ...ids.map(({ length }) => length))
  const unique = new Set(ids).size
  while (digits < longest && new Set(ids.map((id) => id.slice(-digits))).size < unique) digits++
  return (id) => id.slice(-digits)
}

/**
 * The id that `text` stands for: itself, or the one of `list` that ends with it, or begins so.
 *
 * @throws {KithError} `usage` when several do
 */
export async function fullId(
  text: string,
  list: () => Promise<readonly string[]>,
): Promise<string> {
  if (!/^[0-9a-f-]{4,35}$/.test(text)) return text
  const ids = new Set(await list())
  const found = [...ids].filter((id) => id.endsWith(text) || id.startsWith(text))
  const [first] = found
  if (found.length > 1) {
    const what = `${text} stands for ${found.length} ids: say more of it`
    throw new KithError('usage', what, { what }, { hint: found.slice(0, 4).join(' or ') })
  }
  return first ?? text
}
