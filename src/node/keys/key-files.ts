import { randomBytes } from 'node:crypto'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { publicKeyOf } from '../../protocol/ed25519.ts'
import { KithError } from '../../protocol/errors.ts'
import { sha256 } from '../../protocol/sha256.ts'
import { erasePrivateFile, removePrivateFile } from '../../store/atomic-file.ts'
import { openSecret, sealSecret } from '../../store/keystore.ts'
import type { OpenedSecret, Protection } from '../../store/keystore.ts'

/**
 * The files of secret keys. Each has its key alone, under the first 16 hex digits of its commitment, which is the
 * SHA-256 of the public key: the key log says which is which.
 */
const KEY_FILE = /^[0-9a-f]{16}\.json$/

/** What a crash leaves of one of the files of keys that was not yet in its place. */
const UNPLACED_FILE = /^\.([0-9a-f]{16}\.(json|next)|(identity|rotation)\.json)\.[0-9a-f]{16}$/

/** Where the keys of this home's own node are. */
export function keyFolder(home: string): string {
  return join(home, 'keys')
}

/** The SHA-256 of the public key of a seed. */
export function commitmentTo(seed: Uint8Array): Uint8Array {
  return sha256(publicKeyOf(seed))
}

/** A new secret key. */
export function randomSeed(): Uint8Array {
  return new Uint8Array(randomBytes(32))
}

export function keyPath(folder: string, commitment: Uint8Array): string {
  return join(folder, `${Buffer.from(commitment).toString('hex', 0, 8)}.json`)
}

/** Keeps a secret key on disk. @throws {KithError} as `sealSecret` */
export async function sealKey(
  folder: string,
  seed: Uint8Array,
  protection: Protection,
): Promise<void> {
  await sealSecret(keyPath(folder, commitmentTo(seed)), seed, protection)
}

/**
 * The secret key of this commitment, or undefined when its file is not there.
 *
 * @throws {KithError} as `openSecret`; `corrupt` when the file holds another key
 */
export async function openKey(
  folder: string,
  commitment: Uint8Array,
  passphrase: string | undefined,
): Promise<OpenedSecret | undefined> {
  const path = keyPath(folder, commitment)
  const opened = await openSecret(path, passphrase)
  if (opened === undefined) return undefined
  if (Buffer.compare(commitmentTo(opened.secret), commitment) !== 0) throw damaged(path)
  return opened
}

/** True when there is a file for the key of this commitment, whatever is in it. */
export async function hasKey(folder: string, commitment: Uint8Array): Promise<boolean> {
  return (await filesIn(folder)).some((name) => join(folder, name) === keyPath(folder, commitment))
}

/** The paths of all keys in a folder. */
export async function keysIn(folder: string): Promise<string[]> {
  return (await filesIn(folder))
    .filter((name) => KEY_FILE.test(name))
    .map((name) => join(folder, name))
}

/** Overwrites and removes the keys of these commitments, those that are there. */
export async function eraseKeys(folder: string, commitments: readonly Uint8Array[]): Promise<void> {
  for (const commitment of commitments) await erasePrivateFile(keyPath(folder, commitment))
}

/** Overwrites and removes what a crash has left of files that were about to be put in their place. */
export async function eraseUnplaced(folder: string): Promise<void> {
  const left = (await filesIn(folder)).filter((name) => UNPLACED_FILE.test(name))
  for (const path of left.map((name) => join(folder, name))) {
    // One that is in its place too shares its bytes with it: they must stay.
    const { nlink } = await lstat(path)
    await (nlink === 1 ? erasePrivateFile(path) : removePrivateFile(path))
  }
}

/** The names of what is in a folder; none when there is no folder. */
export async function filesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((err: unknown) => {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return []
    throw err
  })
}

/** The error for a file of the identity that cannot be used. Nothing replaces it. */
export function damaged(path: string, cause?: unknown): KithError<'corrupt'> {
  return new KithError(
    'corrupt',
    `${path} is missing, damaged, or belongs to another identity`,
    { what: path },
    {
      cause,
      hint: `put the ${path} of this node back from a copy; kith never makes a new key by itself`,
    },
  )
}
