import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Identity } from '../../src/node/identity.ts'
import { commitRotation, endorseHere, prepareRotation } from '../../src/node/keys/rotate.ts'
import type { PrepareRotationInit } from '../../src/node/keys/rotate.ts'
import { NOW } from './ask-calls.ts'
import { keyInUsePath, rotationKeyPath } from './key-paths.ts'

export const CLEAR = { clear: true } as const

export const ROUTINE: PrepareRotationInit = {
  why: 'routine',
  graceSeconds: 86_400,
  at: NOW + 1,
  passphrase: undefined,
}

/** A rotation of the node in `home`, whose rotation key is there, from its first step to the one that counts. */
export async function rotateHere(home: string, init = ROUTINE): Promise<Identity> {
  await prepareRotation(home, init)
  return await commitRotation(home, await endorseHere(home, init.passphrase), init.passphrase)
}

/** The names of all that is in its folder of keys. */
export async function keyNames(home: string): Promise<string[]> {
  return (await readdir(join(home, 'keys'))).sort()
}

/** The names of the keys that its log has in force. */
export async function namesInForce(home: string): Promise<string[]> {
  return namesOf(await keyInUsePath(home), await rotationKeyPath(home))
}

export function namesOf(...paths: string[]): string[] {
  return paths.map((path) => basename(path)).sort()
}

/** Everything that is in it, by path. */
export async function contentOf(home: string): Promise<Record<string, string>> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort()
  const pairs = paths.map(async (path) => [path, await readFile(path, 'latin1')] as const)
  return Object.fromEntries(await Promise.all(pairs))
}
