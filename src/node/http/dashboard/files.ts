import { readdir, readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { extname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file of the page, as it goes to a browser. */
export interface PageFile {
  type: string
  body: Uint8Array
}

const PAGE = new URL('./page/', import.meta.url)

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.ts': 'text/javascript; charset=utf-8',
}

/** What modules of the page import from outside of it, by the path at which a browser looks for that. */
const SHARED: readonly (readonly [path: string, file: URL])[] = [
  ['/control/paths.ts', new URL('../../control/paths.ts', import.meta.url)],
  ['/protocol/text.ts', new URL('../../../protocol/text.ts', import.meta.url)],
]

/**
 * The files of the dashboard by their paths, `/` for the page itself. In a checkout its modules are given one by one,
 * without their types; a build has put them into one.
 */
export async function dashboardFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const folder = fileURLToPath(PAGE)
  const files = new Map<string, PageFile>()
  for (const name of await readdir(folder, { recursive: true })) {
    if (!(extname(name) in TYPES)) continue
    const path = name === 'index.html' ? '/' : `/${name.split(sep).join('/')}`
    files.set(path, await readPageFile(join(folder, name)))
  }
  const app = files.get('/app.ts')
  if (app === undefined) return files
  // The page asks for what a build makes.
  files.set('/app.js', app)
  for (const [path, file] of SHARED) files.set(path, await readPageFile(fileURLToPath(file)))
  return files
}

async function readPageFile(file: string): Promise<PageFile> {
  const body = await readFile(file)
  const type = TYPES[extname(file)] ?? 'application/octet-stream'
  if (extname(file) !== '.ts') return { type, body }
  return { type, body: Buffer.from(stripTypeScriptTypes(body.toString())) }
}
