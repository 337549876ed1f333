/** Makes `dist/` anew, as it is published. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleId } from '../src/node/build-id.ts'
import { DEPENDENCIES_FILE, packagesIn } from '../src/node/deps/locked-packages.ts'
import { bundle } from './bundle.ts'

const dist = fileURLToPath(new URL('../dist', import.meta.url))
await rm(dist, { recursive: true, force: true })
await bundle(dist)
const lock = await readFile(fileURLToPath(new URL('../package-lock.json', import.meta.url)), 'utf8')
// What is inside the bundle has no lockfile beside it any more.
await writeFile(join(dist, DEPENDENCIES_FILE), `${JSON.stringify(packagesIn(lock))}\n`)
// A process that runs can tell by it that a newer one stands here.
await writeFile(join(dist, 'build-id'), `${bundleId(dist)}\n`)
