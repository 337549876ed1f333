import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seedToWords } from '../../src/protocol/recovery-words.ts'

/** The files below `folder` that hold this secret, in any way in which one could be written. */
export async function filesWith(folder: string, secret: Uint8Array): Promise<string[]> {
  const bytes = Buffer.from(secret)
  // Only seeds are written as words.
  const words = secret.byteLength === 32 ? [seedToWords(secret)] : []
  const forms = [
    bytes,
    ...(['hex', 'base64', 'base64url'] as const).map((encoding) => bytes.toString(encoding)),
    bytes.toString('hex').toUpperCase(),
    bytes.toString('base64').replace(/=+$/, ''),
    ...[' ', '\n', '","', ', '].flatMap((between) => words.map((all) => all.join(between))),
  ]
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((e) => join(e.parentPath, e.name))
  const found: string[] = []
  for (const path of paths) {
    const content = await readFile(path)
    if (forms.some((form) => content.includes(form))) found.push(path)
  }
  return found
}
