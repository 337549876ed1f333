import { KithError } from '../../protocol/errors.ts'
import { keyFolder, keyPath, keysIn } from './key-files.ts'
import { findOwnLog, keysNamed, ownLogPath } from './own-log.ts'
import { readPrepared } from './prepared.ts'

/**
 * Resolves when there is no node in this home, nor what is left of one. Keys alone may be those of a node whose log is
 * lost, and logs can be had from peers.
 *
 * @throws {KithError} `exists`; `corrupt`, `unsafe-file`
 */
export async function assertEmptyHome(home: string): Promise<void> {
  if ((await findOwnLog(home)) !== undefined) throw taken(ownLogPath(home), 'kith id')
  const [key] = await keysIn(keyFolder(home))
  if (key !== undefined) throw keysLeft(home, key)
}

/**
 * As `assertEmptyHome`, for a node with this log, which is to be made anew. Keys of a try before, which came to nothing,
 * are in the way of no other: `prepareRecovery` erases them.
 */
export async function assertRecoverable(home: string, log: readonly Uint8Array[]): Promise<void> {
  if ((await findOwnLog(home)) !== undefined) throw taken(ownLogPath(home), 'kith key recover')
  const prepared = await readPrepared(home)
  const tried = prepared?.rotation === undefined ? (prepared?.made ?? []) : []
  const { inUse, rotating } = keysNamed(log)
  const named = new Set([...inUse, ...rotating].map((key) => keyPath(keyFolder(home), key)))
  const given = new Set(tried.map((key) => keyPath(keyFolder(home), key)))
  const left = (await keysIn(keyFolder(home))).find((path) => named.has(path) || !given.has(path))
  if (left !== undefined) throw keysLeft(home, left)
}

function keysLeft(home: string, key: string): KithError<'exists'> {
  return taken(key, `put ${ownLogPath(home)} back, or move ${keyFolder(home)} away`)
}

function taken(path: string, hint: string): KithError<'exists'> {
  return new KithError('exists', `${path} is there already`, { what: path }, { hint })
}
