import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Letters of a build id that are shown and compared. */
const ID_CHARS = 12

/**
 * Which build of kith stands in the folder `root` of its package now: of a bundle, the id that was written beside it;
 * of a checkout, a digest of names, sizes and times of its sources. Undefined where neither is.
 */
export function buildOnDisk(root: string = packageRoot()): string | undefined {
  const source = join(root, 'src')
  if (existsSync(join(source, 'cli/main.ts'))) return sourcesId(source)
  try {
    return readFileSync(join(root, 'dist/build-id'), 'utf8').trim()
  } catch {
    return undefined
  }
}

/** A digest of the files of a bundle, as `buildOnDisk` finds it there. */
export function bundleId(dist: string): string {
  const hash = createHash('sha256')
  for (const path of filesIn(dist, /\.js$/))
    hash.update(path).update(readFileSync(join(dist, path)))
  return hash.digest('hex').slice(0, ID_CHARS)
}

function sourcesId(source: string): string {
  const hash = createHash('sha256')
  for (const path of filesIn(source, /\.ts$/)) {
    const { mtimeMs, size } = statSync(join(source, path))
    hash.update(`${path}\0${size}\0${mtimeMs}\n`)
  }
  return `src-${hash.digest('hex').slice(0, ID_CHARS)}`
}

function filesIn(folder: string, wanted: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => wanted.test(path))
    .sort()
}

/** The folder of this package: this file is in `src/` of it, or bundled into `dist/`, at whatever depth. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const above = dirname(folder)
    if (above === folder) return folder
    folder = above
  }
  return folder
}
