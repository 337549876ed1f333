import { readBackupStatement } from '../../protocol/backup-statement.ts'
import { isFailure, KithError } from '../../protocol/errors.ts'
import { judgeKeyLog } from '../../protocol/key-log-judge.ts'
import { replayKeyLog, validateKeyLog } from '../../protocol/key-log.ts'
import { fingerprintWords, isNodeId } from '../../protocol/node-id.ts'
import type { ReadBackup } from '../../store/backup/archive-reader.ts'
import { damagedBackup } from '../../store/backup/manifest.ts'
import type { BackupAuthor } from '../control/routes/backups.ts'
import { findOwnLog, parseKeyLogFile } from '../keys/own-log.ts'
import type { OwnLog } from '../keys/own-log.ts'

/** What somebody says of a backup that is to be read. */
export interface Wanted {
  /** Id of the node that it must be of. @default that of the home; where there is none, any */
  node?: string | undefined
  /** Takes one that nobody has signed. @default false */
  allowUnsigned?: boolean | undefined
}

/** Whose backups are taken. */
export interface Trust extends Wanted {
  /** The key log of the home that one is read for. */
  own: OwnLog | undefined
}

/** Whose backups are taken for the home in this folder. @throws {KithError} `usage` for what is no node id */
export async function trustIn(home: string, { allowUnsigned, node }: Wanted): Promise<Trust> {
  if (node !== undefined && !isNodeId(node)) {
    const message = `${JSON.stringify(node)} is no node id`
    throw new KithError('usage', message, { what: 'node' }, { hint: 'kith id' })
  }
  // A home that is damaged is what many a restore is for: then there is nothing here that knows.
  const own = await findOwnLog(home).catch((err: unknown) => {
    if (!isFailure(err, 'corrupt')) throw err
    return undefined
  })
  return { own, node, allowUnsigned }
}

/**
 * Who has made a backup, and how that is known here. A recipient stands in many a config, and seals for anybody: what is
 * not signed by its node may be a stranger's.
 *
 * @throws {KithError} `unproved-backup`; `corrupt` when the key log in it is not the one that it says
 */
export function authorOf(backup: ReadBackup, trust: Trust, now: number): BackupAuthor {
  const { manifest, statement } = backup
  const { keyLog, node } = manifest
  const shown = keyLogOf(backup)
  const wanted = trust.node ?? trust.own?.state.id
  if (wanted !== undefined && node !== wanted) throw ofOther(node)
  const words = fingerprintWords(node)
  if (statement === undefined) {
    if (trust.allowUnsigned === true) return { node, words, proof: 'unsigned' }
    throw unsigned()
  }
  const own = trust.own?.state.id === node ? trust.own : undefined
  const log = replayKeyLog(own === undefined ? shown : longerOf(own, shown, now))
  const { head, keyInForce } = log[keyLog.sn]?.state ?? {}
  const isOurs = head !== undefined && Buffer.from(head).toString('hex') === keyLog.head
  if (!isOurs || keyInForce === undefined || !isSignedBy(statement, keyInForce)) {
    throw byOther(`is not signed by the node that it says, ${node}`)
  }
  const next = log[keyLog.sn + 1]?.signed.event
  const isStolen = next?.t === 'rec' || (next?.t === 'rot' && next.why === 'compromise')
  const proof = own === undefined ? (trust.node === undefined ? 'itself' : 'named') : 'home'
  return { node, words, proof, ...(isStolen ? { stolen: true } : {}) }
}

/** The key log in a backup, which must be the one that its manifest says. */
function keyLogOf({ identity, manifest: { keyLog, node } }: ReadBackup): Uint8Array[] {
  const otherwise = 'it is not of the node that it says'
  try {
    const events = parseKeyLogFile(identity)
    const { head, sn } = validateKeyLog(events, node)
    if (sn === keyLog.sn && Buffer.from(head).toString('hex') === keyLog.head) return events
  } catch (err) {
    throw damagedBackup(otherwise, err)
  }
  throw damagedBackup(otherwise)
}

/** The log that counts beside that of the home: one that goes on after it, by the keys that may, is the later word. */
function longerOf(own: OwnLog, shown: readonly Uint8Array[], now: number): Uint8Array[] {
  const held = { events: own.events, seenAt: own.events.map(() => now) }
  const verdict = judgeKeyLog(held, shown, now)
  if (verdict.kind !== 'forked') return verdict.held.events
  throw byOther('has a key log that contradicts the one of this home', 'kith key status')
}

function isSignedBy(statement: Uint8Array, key: Uint8Array): boolean {
  try {
    readBackupStatement(statement, key)
    return true
  } catch (err) {
    if (!isFailure(err, 'malformed')) throw err
    return false
  }
}

function unsigned(): KithError<'unproved-backup'> {
  const message = 'nobody has signed the backup: whoever knows a recipient can have made it'
  const hint = 'another one; or, if you know who made it, --allow-unsigned'
  return new KithError('unproved-backup', message, { why: 'unsigned' }, { hint })
}

function ofOther(node: string): KithError<'unproved-backup'> {
  const message = `the backup is of another node, ${node}`
  const hint = 'another one; or --node ID, with the id of the node that it should be of'
  return new KithError('unproved-backup', message, { why: 'other-node' }, { hint })
}

function byOther(what: string, hint = 'kith backup list, and take another one'): KithError {
  return new KithError('unproved-backup', `the backup ${what}`, { why: 'other-key' }, { hint })
}
