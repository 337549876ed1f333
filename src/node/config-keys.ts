import { z } from 'zod'
import { KithError } from '../protocol/errors.ts'
import { nearest } from '../protocol/nearest.ts'

/**
 * Keys whose change takes effect while the node runs: whoever uses them looks at each time. All others are taken when
 * the node starts. A key that ends in a dot stands for all below it.
 */
const HOT_KEYS = ['announce', 'log.level', 'stop.drain_seconds', 'backup.', 'audit.'] as const

/** Whether a change of this key takes effect while the node runs. */
export function isHot(key: string): boolean {
  return HOT_KEYS.some((hot) => (hot.endsWith('.') ? key.startsWith(hot) : key === hot))
}

/** `agent.parallel` and the like: every leaf of the schema that is `wanted`. */
export function keysOf(
  schema: z.ZodObject,
  wanted: (leaf: unknown) => boolean = () => true,
): string[] {
  return Object.entries(schema.shape).flatMap(([key, value]) => {
    const inner: unknown = value instanceof z.ZodPrefault ? value.unwrap() : value
    if (inner instanceof z.ZodObject) return keysOf(inner, wanted).map((rest) => `${key}.${rest}`)
    return wanted(inner) ? [key] : []
  })
}

/** `KITH_AGENT_PARALLEL`, for `agent.parallel`. */
export function envNameOf(key: string): string {
  return `KITH_${key.replaceAll('.', '_').toUpperCase()}`
}

/** What `values` has at `agent.parallel`. */
export function valueAt(values: unknown, key: string): unknown {
  let value = values
  for (const part of key.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[part]
  }
  return value
}

/** Puts `value` at `agent.parallel` of `target`. */
export function setValueAt(target: Record<string, unknown>, key: string, value: unknown): void {
  const [first = '', ...rest] = key.split('.')
  if (rest.length === 0) {
    target[first] = value
    return
  }
  const inner = (target[first] ?? {}) as Record<string, unknown>
  target[first] = inner
  setValueAt(inner, rest.join('.'), value)
}

/** Those of `keys` whose values differ. */
export function changedKeys(keys: readonly string[], before: unknown, after: unknown): string[] {
  return keys.filter(
    (key) => JSON.stringify(valueAt(before, key)) !== JSON.stringify(valueAt(after, key)),
  )
}

/** A key that there is none of. */
export function unknownKey(key: string, known: readonly string[]): KithError<'usage'> {
  const near = nearest(key, known)
  const hint = near === undefined ? 'kith config list' : `did you mean ${near}?`
  return new KithError('usage', `there is no setting ${key}`, { what: key }, { hint })
}
