import { readFileSync } from 'node:fs'
import type { z } from 'zod'

/** The vectors in the file of this name beside this one, which must have the shape of `schema`. */
export function readVectors<S extends z.ZodType>(name: string, schema: S): z.infer<S> {
  return schema.parse(JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')))
}
