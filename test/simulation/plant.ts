import type { World } from './world.ts'

/** A fault that is put in on purpose, to see that it is found. */
export interface Plant {
  title: string
  /** Where the search for it begins: the first under which it shows, as the code stands. @default 1 */
  seed?: number
  /** What is said when it is found. */
  finding: RegExp
  /** Puts it in, and returns what takes it out again. */
  put(world: World): () => void
}

/** Puts what `make` makes of a member in its place; returns what puts it back. */
export function swap<T, K extends keyof T>(
  object: T,
  key: K,
  make: (before: T[K]) => T[K],
): () => void {
  const before = object[key]
  object[key] = make(before)
  return () => {
    object[key] = before
  }
}
