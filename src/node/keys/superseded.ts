import { sha256 } from '../../protocol/sha256.ts'
import { eraseKeys, eraseUnplaced, keyFolder } from './key-files.ts'
import { keptFolders } from './kept-files.ts'
import { keysNamed, readOwnLog } from './own-log.ts'
import type { OwnLog } from './own-log.ts'
import { abandonPrepared, readWaiting, readPrepared, removePrepared } from './prepared.ts'

/**
 * Overwrites and removes the keys that the log has superseded for good: all that it names and that are not in force,
 * save the last key in use while its grace lasts. What the log does not name stays: it may be the key of a log that
 * is newer than this one.
 *
 * @returns when to call it again for the key in grace, in ms since the epoch, if there is one
 * @throws {KithError} as `readOwnLog`
 */
export async function dropSuperseded(home: string, now: number): Promise<number | undefined> {
  const own = await readOwnLog(home)
  const folder = keyFolder(home)
  const grace = graceOf(own, now)
  const { inUse, rotating } = keysNamed(own.events)
  const kept = [...inForce(own), ...(grace === undefined ? [] : [grace.commitment])]
  await eraseKeys(folder, without([...inUse, ...rotating], kept))

  const prepared = await readPrepared(home)
  if (prepared?.made.every((key) => holds([...inUse, ...rotating], key)) === true) {
    await eraseKeys(folder, without(prepared.replaced, kept))
    await removePrepared(home)
  }
  return grace?.endsAt
}

/**
 * Clears away what a crash has left in the folder of keys, and drops what is superseded. Only a rotation that waits
 * to be endorsed elsewhere stays prepared. To be called once at a start, by the holder of the home's store.
 *
 * @throws {KithError} as `readOwnLog`; `corrupt` for a damaged `rotation.json`
 */
export async function settleKeys(home: string, now: number): Promise<number | undefined> {
  const folders = [home, keyFolder(home), ...(await keptFolders(home))]
  for (const folder of folders) await eraseUnplaced(folder)
  const dropAgainAt = await dropSuperseded(home, now)
  const { state } = await readOwnLog(home)
  const waiting = await readWaiting(home, state)
  if (waiting?.rotationKey !== 'off-host') await abandonPrepared(home)
  return dropAgainAt
}

/** Gives up what is prepared, and its keys. If it is in force already, it is brought to its end instead. */
export async function giveUpPrepared(home: string, now: number): Promise<void> {
  await dropSuperseded(home, now)
  await abandonPrepared(home)
}

function inForce({ state }: OwnLog): Uint8Array[] {
  if (state.keyInForce === undefined) return []
  return [sha256(state.keyInForce), state.nextCommitment]
}

function graceOf(
  { state }: OwnLog,
  now: number,
): { commitment: Uint8Array; endsAt: number } | undefined {
  if (state.rotated === undefined) return undefined
  const { at, before, graceSeconds } = state.rotated
  const endsAt = at + graceSeconds * 1_000
  return now < endsAt ? { commitment: sha256(before), endsAt } : undefined
}

function without(keys: readonly Uint8Array[], kept: readonly Uint8Array[]): Uint8Array[] {
  return keys.filter((key) => !holds(kept, key))
}

function holds(keys: readonly Uint8Array[], key: Uint8Array): boolean {
  return keys.some((each) => Buffer.compare(each, key) === 0)
}
