import { satisfies, valid } from 'semver'
import { z } from 'zod'
import { singleLine } from '../../protocol/text.ts'
import type { LockedPackage } from './locked-packages.ts'

const MAX_TEXT_CHARS = 240

const event = z.looseObject({
  introduced: z.string().optional(),
  fixed: z.string().optional(),
  last_affected: z.string().optional(),
})

/** A record of OSV (ossf.github.io/osv-schema), as far as it is of use here. */
export const osvRecord = z.looseObject({
  id: z.string().max(128),
  summary: z.string().optional(),
  withdrawn: z.string().optional(),
  severity: z.array(z.looseObject({ type: z.string(), score: z.string() })).optional(),
  database_specific: z.looseObject({ severity: z.string().optional() }).optional(),
  affected: z
    .array(
      z.looseObject({
        package: z.looseObject({ name: z.string(), ecosystem: z.string() }).optional(),
        ranges: z.array(z.looseObject({ type: z.string(), events: z.array(event) })).optional(),
        versions: z.array(z.string()).optional(),
      }),
    )
    .optional(),
})

const affectedSchema = z.strictObject({
  name: z.string(),
  /** As semver has ranges: `>=1.0.0 <1.2.3`. */
  ranges: z.array(z.string()),
  /** Single versions, where there is no range. */
  versions: z.array(z.string()),
  fixed: z.exactOptional(z.string()),
})

export const advisorySchema = z.strictObject({
  id: z.string(),
  summary: z.string(),
  severity: z.string(),
  affected: z.array(affectedSchema),
})

/** What is known of one vulnerability, and which packages it is in. */
export type Advisory = z.infer<typeof advisorySchema>

/** The advisory in a record of OSV; undefined for one that was withdrawn. Pure. */
export function advisoryOf(record: z.infer<typeof osvRecord>): Advisory | undefined {
  if (record.withdrawn !== undefined) return undefined
  const scored = record.severity?.at(-1)?.score
  const affected = (record.affected ?? []).flatMap((one) => {
    if (one.package?.ecosystem !== 'npm') return []
    const ranges = (one.ranges ?? []).filter(({ type }) => type === 'SEMVER')
    const fixed = ranges.flatMap(({ events }) => events.flatMap((each) => each.fixed ?? [])).at(-1)
    return [
      {
        name: one.package.name,
        ranges: ranges.flatMap(({ events }) => rangesOf(events)),
        versions: one.versions ?? [],
        ...(fixed === undefined ? {} : { fixed }),
      },
    ]
  })
  return {
    id: singleLine(record.id, MAX_TEXT_CHARS),
    summary: singleLine(record.summary ?? '', MAX_TEXT_CHARS),
    severity: singleLine(
      record.database_specific?.severity ?? scored ?? 'unknown',
      64,
    ).toLowerCase(),
    affected,
  }
}

/** How the advisory concerns a package; undefined when it does not. Pure. */
export function concerns(
  { affected }: Advisory,
  { name, version }: LockedPackage,
): { fixed?: string } | undefined {
  const hit = affected.find(
    (one) =>
      one.name === name &&
      (one.versions.includes(version) ||
        one.ranges.some((range) => satisfies(version, range, { includePrerelease: true }))),
  )
  if (hit === undefined) return undefined
  return hit.fixed === undefined ? {} : { fixed: hit.fixed }
}

/** Ranges of semver for events in the order of versions, as OSV evaluates them: from introduced to fixed, or on. */
function rangesOf(events: readonly z.infer<typeof event>[]): string[] {
  const ranges: string[] = []
  let from: string | undefined
  for (const { fixed, introduced, last_affected: last } of events) {
    if (introduced !== undefined) from = introduced === '0' ? '0.0.0-0' : introduced
    const start = from === undefined ? undefined : `>=${from}`
    if (start === undefined) continue
    if (fixed !== undefined) ranges.push(`${start} <${fixed}`)
    else if (last !== undefined) ranges.push(`${start} <=${last}`)
    else continue
    from = undefined
  }
  if (from !== undefined) ranges.push(`>=${from}`)
  return ranges.filter((range) =>
    range.split(' ').every((part) => valid(part.replace(/^[<>=]+/u, '')) !== null),
  )
}
