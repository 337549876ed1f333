import { readPrivateFile } from '../../store/atomic-file.ts'
import type { Home } from '../home.ts'

/** The files that say what a node is to do, in the order in which changes of them are told. */
export const OWN_FILES = ['peers', 'jobs', 'config', 'memory'] as const
export type OwnFile = (typeof OWN_FILES)[number]

/** What stands in them; one that is not there is absent. */
export type OwnFiles = Partial<Record<OwnFile, string>>

/** Those of this home as they are now; one that cannot be read just now is as it was `before`. Reads only. */
export async function readOwnFiles(
  home: Pick<Home, OwnFile>,
  before: OwnFiles = {},
): Promise<OwnFiles> {
  const files: OwnFiles = {}
  for (const name of OWN_FILES) {
    const text = await textOf(home[name]).catch(() => before[name])
    if (text !== undefined) files[name] = text
  }
  return files
}

/** @throws {KithError} `unsafe-file`, `invalid-file`: whoever reads that file for its work says so */
async function textOf(path: string): Promise<string | undefined> {
  const bytes = await readPrivateFile(path)
  return bytes === undefined ? undefined : Buffer.from(bytes).toString()
}
