import { existsSync } from 'node:fs'
import { cp, lstat, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { KithError, isFailure } from '../../protocol/errors.ts'
import { judgeKeyLog } from '../../protocol/key-log-judge.ts'
import type { Verdict } from '../../protocol/key-log-judge.ts'
import { readPrivateFile, writePrivateFile } from '../../store/atomic-file.ts'
import { damagedBackup } from '../../store/backup/manifest.ts'
import type { Manifest } from '../../store/backup/manifest.ts'
import type { Restoring } from '../../store/backup/restore.ts'
import type { Database } from '../../store/database.ts'
import { editPeers, readPeers } from '../../store/peers-file.ts'
import { Repository } from '../../store/repository.ts'
import { receiptRecord } from '../announcer.ts'
import { keptRoot } from '../keys/kept-files.ts'
import { keyFolder } from '../keys/key-files.ts'
import { findOwnLog, readOwnLog } from '../keys/own-log.ts'
import { mergeRows } from './merge-rows.ts'

/** What a restore keeps of the home that is there. */
export interface MergeReport {
  /** `home`: the one that is there is longer, so it and its keys stay. */
  keyLog: 'home' | 'backup'
  /** `home`: who is pinned now is the owner's latest word; what the backup says is beside it, in `peersBeside`. */
  peers: 'home' | 'backup'
  peersBeside: string | undefined
  /** Names in the peers.yaml of the backup that are not restored, since their nodes are blocked. */
  blocked: string[]
  /** False when no store could be read: what was blocked or rotated since the backup is not known here. */
  storeRead: boolean
  /** Invites that were open in the backup, and may have been used since. */
  revokedInvites: number
  /** Peers, by name or id, that hold more of this node’s key log than is restored: it has rotated since. */
  ahead: { peer: string; sn: number }[]
}

/**
 * Brings what no restore takes back from a home into what is staged to replace it: its key log, who is unpinned or
 * blocked, what others' keys are, which asks were taken, and how often it has started.
 *
 * @throws {KithError} `exists` when the home is another node's, or the two key logs contradict each other; `corrupt`
 *   when the backup is not of the node that it says
 */
export async function mergeHome(restoring: Restoring, now: number): Promise<MergeReport> {
  const { home, homeStore, manifest, staged, stagedStore } = restoring
  const keyLog = await mergeOwnLog(home, staged, manifest, now)
  const { peers, peersBeside } = await mergePeers(home, staged)
  const path = join(staged, 'peers.yaml')
  const askers = (await pinsIn(path)).flatMap(({ id }) => (id === undefined ? [] : [id]))
  const { at } = manifest
  const rows = { staged: stagedStore, present: homeStore, at, now, askers }
  const { revokedInvites } = await mergeRows(rows)
  const blocked = await dropBlocked(path, stagedStore)
  const ahead = await peersAhead(staged, stagedStore)
  const storeRead = homeStore !== undefined
  return { keyLog, peers, peersBeside, blocked, storeRead, revokedInvites, ahead }
}

/** Takes those out of the peers.yaml at `path` who are blocked. Returns their names. */
async function dropBlocked(path: string, store: Database): Promise<string[]> {
  const blocked: string[] = []
  const rows = await store.sublevel('blocked').keys().all()
  for (const { id, key, name } of await pinsIn(path)) {
    if (!rows.some((who) => who === id || who === key)) continue
    await editPeers(path, { op: 'remove', name })
    blocked.push(name)
  }
  return blocked
}

async function peersAhead(staged: string, store: Database): Promise<MergeReport['ahead']> {
  const { state } = await readOwnLog(staged)
  const pins = await pinsIn(join(staged, 'peers.yaml'))
  const ahead: MergeReport['ahead'] = []
  for await (const [id, { sn }] of new Repository(store, 'receipts', receiptRecord).entries()) {
    if (sn > state.sn) ahead.push({ peer: pins.find((pin) => pin.id === id)?.name ?? id, sn })
  }
  return ahead
}

async function mergeOwnLog(
  home: string,
  staged: string,
  { node, keyLog }: Manifest,
  now: number,
): Promise<MergeReport['keyLog']> {
  const theirs = await readOwnLog(staged)
  const head = Buffer.from(theirs.state.head).toString('hex')
  if (theirs.state.id !== node || theirs.state.sn !== keyLog.sn || head !== keyLog.head) {
    throw damagedBackup('it is not of the node that it says')
  }
  const ours = await findOwnLog(home).catch(ifDamaged)
  if (ours === undefined) return 'backup'
  if (ours.state.id !== theirs.state.id) {
    const hint = 'kith --home DIR restore, with a folder that is not there'
    throw other(home, `is the home of another node, ${ours.state.id}`, hint)
  }
  const held = { events: ours.events, seenAt: ours.events.map(() => now) }
  const { kind } = judgeKeyLog(held, theirs.events, now)
  if (kind === 'forked') {
    throw other(home, 'has a key log that contradicts the one of the backup', 'kith key status')
  }
  if (kind !== 'older' && kind !== 'same') return 'backup'
  await takeKeys(home, staged, kind)
  return kind === 'older' ? 'home' : 'backup'
}

/**
 * Of a log that has gone on since, the keys are those that are here: what was erased stays so. Of the same log, what is
 * here besides those of the backup was prepared for a rotation that has not come yet. The keys that are kept for other
 * nodes are those that are here in both cases.
 */
async function takeKeys(home: string, staged: string, kind: Verdict['kind']): Promise<void> {
  const isLonger = kind === 'older'
  const names = isLonger ? ['identity.json', 'rotation.json'] : ['rotation.json']
  for (const name of names) {
    const content = await readPrivateFile(join(home, name))
    if (content !== undefined) await writePrivateFile(join(staged, name), content)
  }
  // Keys that are lost here may still be in the backup; which ones are in force, the log says.
  if (!existsSync(keyFolder(home))) return
  await rm(isLonger ? keyFolder(staged) : keptRoot(staged), { recursive: true, force: true })
  const filter = async (path: string): Promise<boolean> => {
    const stats = await lstat(path)
    return stats.isFile() || stats.isDirectory()
  }
  await cp(keyFolder(home), keyFolder(staged), { recursive: true, force: false, filter })
}

async function mergePeers(
  home: string,
  staged: string,
): Promise<Pick<MergeReport, 'peers' | 'peersBeside'>> {
  const [ours, theirs] = [join(home, 'peers.yaml'), join(staged, 'peers.yaml')]
  const content = await readPrivateFile(ours).catch(ifDamaged)
  const isGood = content !== undefined && (await readPeers(ours).catch(ifDamaged)) !== undefined
  if (!isGood) return { peers: 'backup', peersBeside: undefined }
  const before = await readPrivateFile(theirs)
  await writePrivateFile(theirs, content)
  if (before === undefined || Buffer.compare(before, content) === 0) {
    return { peers: 'home', peersBeside: undefined }
  }
  const peersBeside = 'peers.yaml.restored'
  await writePrivateFile(join(staged, peersBeside), before)
  return { peers: 'home', peersBeside }
}

/** None where the file cannot be read: no node starts on it, so its owner mends it first. */
async function pinsIn(path: string): ReturnType<typeof readPeers> {
  return (await readPeers(path).catch(ifDamaged)) ?? []
}

/** What cannot be read here is what a restore may be for. */
function ifDamaged(err: unknown): undefined {
  if (isFailure(err, 'corrupt') || isFailure(err, 'invalid-file')) return undefined
  throw err
}

function other(home: string, what: string, hint: string): KithError<'exists'> {
  return new KithError('exists', `${home} ${what}`, { what: home }, { hint })
}
