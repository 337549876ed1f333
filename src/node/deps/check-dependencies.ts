import { join } from 'node:path'
import { z } from 'zod'
import { makePrivateFolder, readPrivateFile, writePrivateFile } from '../../store/atomic-file.ts'
import { packageRoot } from '../build-id.ts'
import { readConfig } from '../config.ts'
import type { DependencyReport, VulnerablePackage } from '../control/api.ts'
import type { Home } from '../home.ts'
import { advisorySchema, concerns } from './advisory.ts'
import type { Advisory } from './advisory.ts'
import { lockedPackages } from './locked-packages.ts'
import type { LockedPackage } from './locked-packages.ts'
import { fetchAdvisories } from './osv-client.ts'

/** A list that was fetched: what was asked about, and what was known of it then. */
const listSchema = z.strictObject({
  version: z.literal(1),
  fetchedAt: z.int(),
  /** `name@version` */
  packages: z.array(z.string()),
  advisories: z.array(advisorySchema),
})
type CachedList = z.infer<typeof listSchema>

const MAX_LIST_BYTES = 8_388_608

export interface CheckDependenciesInit {
  home: Home
  env: NodeJS.ProcessEnv
  /** Uses the list that was fetched last. */
  offline: boolean
  now: number
  /** @default those of this kith */
  packages?: readonly LockedPackage[]
}

/** Holds the packages that this kith is made of against what is known to be vulnerable. */
export async function checkDependencies(init: CheckDependenciesInit): Promise<DependencyReport> {
  const { env, home, now, offline, packages = lockedPackages(packageRoot()) } = init
  const path = join(home.path, 'cache', 'advisories.json')
  let why: string | undefined
  if (!offline) {
    const { audit } = await readConfig(home.config, env)
    try {
      const advisories = await fetchAdvisories(
        audit.osv_url,
        packages,
        AbortSignal.timeout(TOTAL_MS),
      )
      const list = {
        version: 1,
        fetchedAt: now,
        packages: packages.map(nameOf),
        advisories,
      } as const
      await makePrivateFolder(join(home.path, 'cache'))
      await writePrivateFile(path, Buffer.from(JSON.stringify(list)))
      return reportOf(list, packages, undefined)
    } catch (err) {
      why = `the list could not be fetched: ${causeOf(err)}`
    }
  }
  const list = await readList(path)
  if (list !== undefined) return reportOf(list, packages, why)
  const none = 'there is no list of vulnerabilities here yet'
  return { state: 'not-checked', packages: packages.length, why: why ?? none, findings: [] }
}

/** Longest time for all of it. */
const TOTAL_MS = 120_000

function reportOf(
  { advisories, fetchedAt, packages: asked }: CachedList,
  packages: readonly LockedPackage[],
  why: string | undefined,
): DependencyReport {
  const findings = packages.flatMap((one) => advisories.flatMap((known) => findingOf(known, one)))
  const known = new Set(asked)
  // One of another version, or that was not there then, may have faults that nobody asked about.
  const unknown = packages.filter((one) => !known.has(nameOf(one)))
  const missing =
    unknown.length === 0
      ? undefined
      : `the list does not cover ${unknown.map(nameOf).slice(0, 5).join(', ')}`
  const reason = why ?? missing
  const state = unknown.length > 0 ? 'not-checked' : 'clean'
  return {
    state: findings.length > 0 ? 'vulnerable' : state,
    packages: packages.length,
    listAt: fetchedAt,
    ...(reason === undefined ? {} : { why: reason }),
    findings,
  }
}

function findingOf(advisory: Advisory, one: LockedPackage): VulnerablePackage[] {
  const hit = concerns(advisory, one)
  if (hit === undefined) return []
  const { id, severity, summary } = advisory
  return [{ package: one.name, version: one.version, id, severity, summary, ...hit }]
}

/** The list that was kept; undefined when there is none that can be read. */
async function readList(path: string): Promise<CachedList | undefined> {
  const bytes = await readPrivateFile(path, { maxBytes: MAX_LIST_BYTES })
  if (bytes === undefined) return undefined
  try {
    return listSchema.parse(JSON.parse(Buffer.from(bytes).toString()))
  } catch {
    return undefined
  }
}

function nameOf({ name, version }: LockedPackage): string {
  return `${name}@${version}`
}

function causeOf(err: unknown): string {
  if (!(err instanceof Error)) return String(err)
  return err.cause instanceof Error ? `${err.message}: ${err.cause.message}` : err.message
}
