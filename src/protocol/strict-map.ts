import { z } from 'zod'
import { nearest } from './nearest.ts'

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
