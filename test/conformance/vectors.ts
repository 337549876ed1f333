import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { Refused } from './refused.ts'

export const text = z.string()
/** Hex in the vectors. */
export const bytes = z.string().transform((hex) => new Uint8Array(Buffer.from(hex, 'hex')))
export const named = { name: text }

/** The vectors in a file, which has these keys and no others. */
export function vectors<S extends z.ZodRawShape>(
  name: string,
  shape: S,
): z.output<z.ZodObject<S, z.core.$strict>> {
  const file = new URL(`../vectors/${name}`, import.meta.url)
  return z.strictObject(shape).parse(JSON.parse(readFileSync(file, 'utf8')))
}

export function assertRefused(run: () => unknown, name: string): void {
  assert.throws(run, Refused, name)
}
