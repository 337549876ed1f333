/*
 * With this, mocha bundles the programs that its tests start, once, and they start in half the time that they take from
 * the tree.
 */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundle } from '../bin/bundle.ts'
import { DEPENDENCIES_FILE, packagesIn } from '../src/node/deps/locked-packages.ts'
import { ROOT } from './helpers/imports.ts'
import { BUILT, BUNDLED } from './helpers/programs.ts'

// The processes in which mocha runs specs find it done.
process.env[BUILT] ??= await build()

/** Returns the folder in which it has put them. */
async function build(): Promise<string> {
  const cache = join(ROOT, 'node_modules/.cache')
  await mkdir(cache, { recursive: true })
  // In the tree, because what is not bundled is found from there.
  const folder = await mkdtemp(join(cache, 'kith-test-'))
  await bundle(join(folder, 'dist'), BUNDLED)
  const lock = await readFile(join(ROOT, 'package-lock.json'), 'utf8')
  await writeFile(join(folder, 'dist', DEPENDENCIES_FILE), JSON.stringify(packagesIn(lock)))
  await mkdir(join(folder, 'bin'))
  await copyFile(join(ROOT, 'bin/kith.js'), join(folder, 'bin/kith.js'))
  await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'))
  // For those programs that are started from the tree.
  process.env['NODE_COMPILE_CACHE'] = join(folder, 'cache')
  return folder
}

/** Called by mocha when all specs have run, in the process that it was started as. */
export async function mochaGlobalTeardown(): Promise<void> {
  await rm(process.env[BUILT] ?? '', { recursive: true, force: true })
}
