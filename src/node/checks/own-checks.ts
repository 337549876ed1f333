import { lstat, stat } from 'node:fs/promises'
import { hasKey, keyFolder } from '../keys/key-files.ts'
import { readOwnLog } from '../keys/own-log.ts'
import { readSignedEvent } from '../../protocol/key-event.ts'
import { sha256 } from '../../protocol/sha256.ts'
import { errnoOf } from '../../store/atomic-file.ts'
import type { Announcer } from '../announcer.ts'
import type { Clock } from '../clock.ts'
import { readConfig } from '../config.ts'
import type { Config } from '../config.ts'
import type { Home } from '../home.ts'
import type { KeyDesk } from '../keys/key-desk.ts'
import type { Parts } from '../parts.ts'
import type { Pins } from '../pins.ts'
import type { Self } from '../self.ts'
import { attempt, fail, failed, ok, warn } from './finding.ts'
import type { Finding } from './finding.ts'

/** A peer that is off for a night hears of a new key when it is back. */
const UNSEEN_MS = 86_400_000

/** What the checks of this node's own identity look at. */
export interface OwnChecked {
  readonly clock: Pick<Clock, 'now'>
  readonly home: Pick<Home, 'config' | 'path' | 'socket'>
  readonly keys: {
    announcer: Pick<Announcer, 'standing'>
    rotation: Pick<KeyDesk['rotation'], 'waiting'>
  }
  readonly parts: Pick<Parts, 'states'>
  readonly pins: Pick<Pins, 'peers'>
  /** Its first event says when this node was made, its last one when its key last changed. */
  readonly self: Pick<Self, 'events'>
}

/** Whether the next start would find the identity that runs: its key log on disk, and the key that is in force. */
export async function identityFindings({
  home,
  self,
}: Pick<OwnChecked, 'self'> & { home: Pick<Home, 'path'> }): Promise<Finding[]> {
  const { events, state } = await readOwnLog(home.path)
  const [own, onDisk] = [self.events.at(-1), events.at(-1)]
  if (own === undefined || onDisk === undefined || Buffer.compare(own, onDisk) !== 0) {
    const what = `${home.path}/identity.json is not the key log that this node runs with`
    return [fail(what, 'kith stop; kith start, and if it was not you: kith key status')]
  }
  const { keyInForce } = state
  if (keyInForce !== undefined && !(await hasKey(keyFolder(home.path), sha256(keyInForce)))) {
    const what = 'the file of the key in force is gone: this node cannot start again'
    return [fail(what, `put it back into ${keyFolder(home.path)} from a backup: kith backup list`)]
  }
  return [ok('the key log on disk is the one in force, and its key is there')]
}

/** A rotation that waits for its other half, and peers that do not know the key of this node. */
export async function keyFindings({ clock, keys, pins, self }: OwnChecked): Promise<Finding[]> {
  const found: Finding[] = []
  if ((await keys.rotation.waiting()) !== undefined) {
    const what = 'a rotation of the key of this node waits for its rotation key to sign'
    found.push(warn(what, 'kith key request'))
  }
  const last = self.events.at(-1)
  const changedAt = last === undefined ? 0 : readSignedEvent(last).event.at
  for (const peer of pins.peers()) {
    const { name } = peer.pin
    if (peer.retired || peer.unpinnedUsAt !== undefined) continue
    const standing = keys.announcer.standing(peer)
    if (standing === 'frozen') {
      const what = `${name} holds two key logs of this node that stand against each other`
      found.push(fail(what, 'kith key recover', { peer: name }))
    }
    const isLate = self.events.length > 1 && clock.now() - changedAt > UNSEEN_MS
    if (standing === 'unseen' && isLate) {
      const what = `${name} has not seen the key of this node since it changed`
      found.push(warn(what, `kith ping ${name}`, { peer: name }))
    }
  }
  return found.length > 0 ? found : [ok('no rotation waits, and no peer disputes the key')]
}

/** Whether commands reach this node, where it is one that they are to reach. */
export async function socketFindings({
  home,
  parts,
}: Pick<OwnChecked, 'home' | 'parts'>): Promise<Finding[]> {
  if (!parts.states().some(({ part }) => part === 'control')) {
    return [ok('this node takes no commands')]
  }
  const stats = await lstat(home.socket).catch((err: unknown) => {
    if (errnoOf(err) !== 'ENOENT') throw err
  })
  if (stats?.isSocket() === true) return [ok('is there')]
  const what = `${home.socket} is gone: no command reaches this node`
  return [fail(what, `kill ${process.pid}, then: kith start`, { pid: process.pid })]
}

/** Whether the next start would take config.yaml as it is now, and whether its backups can be made. */
export async function configFindings(
  home: Pick<Home, 'config'>,
  backup: Config['backup'] | undefined,
): Promise<Finding[]> {
  const found = await attempt(async () => {
    // Without the environment: what is looked at is the file.
    await readConfig(home.config, {})
    return []
  })
  if (backup !== undefined) found.push(...(await backupTargetFindings(backup)))
  return found.length > 0 ? found : [ok('config.yaml is valid')]
}

/** Recipients that are none, and a folder that is not there, before the first backup fails for them. */
async function backupTargetFindings({ recipients, to }: Config['backup']): Promise<Finding[]> {
  const found: Finding[] = []
  if (recipients.length > 0) {
    const { assertRecipients } = await import('../../store/backup/seal.ts')
    try {
      assertRecipients(recipients)
    } catch (err) {
      const hint = 'kith backup keygen, then correct backup.recipients in config.yaml and restart'
      found.push({ ...failed(err), what: `no backup can be made: ${failed(err).what}`, hint })
    }
  }
  if (to !== undefined && (await stat(to).catch(() => undefined))?.isDirectory() !== true) {
    const what = `no backup can be made: there is no folder ${to}, which backup.to names`
    found.push(warn(what, `mkdir -m 700 ${to}`))
  }
  return found
}
