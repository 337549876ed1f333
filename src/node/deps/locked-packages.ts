import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** A package that this kith is made of, at its exact version. */
export interface LockedPackage {
  name: string
  version: string
}

/** In a published package, the list that `bin/build.ts` writes. */
export const DEPENDENCIES_FILE = 'dependencies.json'

const lockfile = z.looseObject({
  lockfileVersion: z.literal([2, 3]),
  packages: z.record(
    z.string(),
    z.looseObject({
      name: z.string().optional(),
      version: z.string().optional(),
      dev: z.boolean().optional(),
      link: z.boolean().optional(),
    }),
  ),
})

const listFile = z.array(z.strictObject({ name: z.string(), version: z.string() }))

/** The packages in the text of a package-lock.json that are there when kith runs, by name, each version once. Pure. */
export function packagesIn(text: string): LockedPackage[] {
  const { packages } = lockfile.parse(JSON.parse(text))
  const found = new Map<string, LockedPackage>()
  for (const [path, { dev, link, name, version }] of Object.entries(packages)) {
    // What is `devOptional` is there too: an optional package of one that is (npm's package-lock.json).
    if (path === '' || dev === true || link === true) continue
    if (version === undefined) continue
    // An alias says the name of what it stands for; all others have it in their path.
    const real = name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    found.set(`${real}@${version}`, { name: real, version })
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Those of the kith whose package is in the folder `root`: a checkout's lockfile, or the list of a published package. */
export function lockedPackages(root: string): LockedPackage[] {
  const lock = join(root, 'package-lock.json')
  if (existsSync(join(root, 'src')) && existsSync(lock))
    return packagesIn(readFileSync(lock, 'utf8'))
  const list = readFileSync(join(root, 'dist', DEPENDENCIES_FILE), 'utf8')
  return listFile.parse(JSON.parse(list))
}
