import type { FeedRule } from './feed-rule.ts'

/** How long a file must have been left alone before it counts as whole, in ms. */
export const SETTLE_MS = 2_000

/** A file of a feed's folder, as the system describes it. */
export interface FolderFile {
  name: string
  /**
   * When it was last changed, moved or renamed (`st_ctime`), in ns since the epoch, as 20 digits, so that text sorts
   * as time. No program can set this time, unlike that of the last write: a file that comes from elsewhere is new,
   * however old its content is.
   */
  changed: string
  inode: string
  sizeBytes: number
  /** False for a link, a folder, a pipe, a device. */
  regular: boolean
}

/** What is known of a file that was looked at before. */
export type SeenFile = Omit<FolderFile, 'regular'>

/** True for a name that a feed takes. Names with a dot first, or `.part` last, are of files not yet whole. */
export function accepts(accept: readonly string[], name: string): boolean {
  if (name.startsWith('.') || name.endsWith('.part')) return false
  return accept.some((pattern) => matches(pattern, name))
}

/** Where a file stands in the order in which files are taken: by time, then name. */
export function positionOf({ changed, name }: Pick<FolderFile, 'changed' | 'name'>): string {
  return `${changed} ${name}`
}

/**
 * True for a file of which nothing is decided: it stands after the cursor, and was not seen as it is now. What is seen
 * is kept for many files, and only what is forgotten stands before the cursor: a clock that was set back loses none.
 */
export function isNew(
  file: FolderFile,
  cursor: string,
  seen: Pick<ReadonlyMap<string, SeenFile>, 'get'>,
): boolean {
  if (positionOf(file) <= cursor) return false
  const before = seen.get(file.name)
  return before === undefined || !sameFile(file, before)
}

/** True when two looks found the same file, unchanged. */
export function sameFile(a: SeenFile, b: SeenFile): boolean {
  return a.changed === b.changed && a.inode === b.inode && a.sizeBytes === b.sizeBytes
}

/** True once nobody seems to write a file any more. A time that is far ahead is of a clock that was set back. */
export function isSettled({ changed }: Pick<FolderFile, 'changed'>, now: number): boolean {
  return Math.abs(now - Number(BigInt(changed) / 1_000_000n)) >= SETTLE_MS
}

/** Why a file will not be taken as it is, or undefined. */
export function refusalOf(
  { regular, sizeBytes }: FolderFile,
  { maxBytes }: Pick<FeedRule, 'maxBytes'>,
): string | undefined {
  if (!regular) return 'is no regular file'
  if (sizeBytes > maxBytes) return `has ${sizeBytes} bytes; at most ${maxBytes} are taken`
  return undefined
}

/**
 * What may be forgotten of the files seen so that `kept` remain, and the cursor that stands for them then. It never
 * passes a file that still waits, the first of which is at `hold`.
 */
export function forget(
  seen: Iterable<SeenFile>,
  kept: number,
  cursor: string,
  hold: string | undefined,
): { gone: SeenFile[]; cursor: string } {
  const files = [...seen]
  if (files.length <= kept) return { gone: [], cursor }
  const sorted = files
    .map((file) => ({ file, position: positionOf(file) }))
    .sort((a, b) => (a.position < b.position ? -1 : 1))
    .slice(0, files.length - kept)
    .filter(({ position }) => hold === undefined || position < hold)
  const last = sorted.at(-1)?.position ?? ''
  return { gone: sorted.map(({ file }) => file), cursor: last > cursor ? last : cursor }
}

/** Takes time in step with the length of the name: no pattern makes it long. */
function matches(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return name === pattern
  const last = rest.pop() ?? ''
  if (name.length < first.length + last.length) return false
  if (!name.startsWith(first) || !name.endsWith(last)) return false
  let from = first.length
  const end = name.length - last.length
  for (const part of rest) {
    const at = name.indexOf(part, from)
    if (at < 0 || at + part.length > end) return false
    from = at + part.length
  }
  return true
}
