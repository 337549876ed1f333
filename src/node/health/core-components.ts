import { lstatSync } from 'node:fs'
import { isOpen } from '../alerts.ts'
import type { Alerts } from '../alerts.ts'
import type { BackupChecked } from '../checks/backup-checks.ts'
import { backupFindings } from '../checks/backup-checks.ts'
import type { Home } from '../home.ts'
import type { HttpHost } from '../http/http-host.ts'
import type { PartState } from '../parts.ts'
import type { Self } from '../self.ts'
import type { Look, Seen } from './look.ts'
import { broken, disabled, notChecked, notReady, okAt, partLook, ready } from './look.ts'

/** A write that takes longer than this is one that hangs. */
const WRITE_HANGS_MS = 20_000

/** What the looks at the node itself need. */
export interface CoreWatched extends BackupChecked {
  readonly alerts: Pick<Alerts, 'list'>
  readonly self: Pick<Self, 'events' | 'key' | 'state'>
  readonly storeFailure: Error | undefined
  readonly home: Pick<Home, 'socket'>
  readonly http: Pick<HttpHost, 'state'>
  readonly parts: { states: () => PartState[] }
}

/** Whether what we say under our key still holds. */
export function identityLook({ alerts, self }: CoreWatched): Look {
  const name = 'identity'
  if (self.state.keyInForce === undefined) return broken(name, 'this node has retired')
  const open = alerts.list().filter(isOpen)
  const ahead = open.find(({ kind }) => kind === 'own-key-log-ahead')
  // Somebody else has rotated this node's key: what is signed with ours is no longer believed.
  if (ahead !== undefined) return broken(name, ahead.what, { since: ahead.at })
  const copy = open.find(({ kind }) => kind === 'second-copy')
  if (copy !== undefined) return notReady(name, copy.what, { since: copy.at })
  return ready(name)
}

export function storeLook({ clock, storeFailure }: CoreWatched, { writes }: Seen): Look {
  const name = 'store'
  const { doneAt, waitingSince } = writes
  if (storeFailure !== undefined) return broken(name, storeFailure.message, okAt(doneAt))
  if (waitingSince !== undefined && clock.now() - waitingSince > WRITE_HANGS_MS) {
    const reason = `the disk has not finished a write for ${WRITE_HANGS_MS / 1_000} s`
    return broken(name, reason, { since: waitingSince, ...okAt(doneAt) })
  }
  return ready(name, okAt(doneAt))
}

/** Whether commands of the owner get here. */
export function controlLook({ home, parts }: CoreWatched): Look {
  const name = 'control'
  if (!parts.states().some(({ part }) => part === name))
    return notChecked(name, 'nothing serves it in this process')
  const halted = partLook(name, parts)
  if (halted !== undefined) return halted
  const stats = lstatSync(home.socket, { throwIfNoEntry: false })
  return stats?.isSocket() === true
    ? ready(name)
    : broken(name, `its socket is gone: ${home.socket}`)
}

export function httpLook({ http }: CoreWatched): Look {
  const name = 'http'
  const { failure, listening, since } = http.state
  if (failure !== undefined) return broken(name, failure.message, { since })
  if (listening === undefined) return disabled(name, 'it listens on no address')
  return ready(name, { since, reason: `listens on ${listening}` })
}

/** Whether there is a backup, and whether it is of any use. */
export function backupLook(node: CoreWatched): Look {
  const name = 'backup'
  const { config, records } = node.backups
  const { madeAt } = records.ages
  if (madeAt === undefined && config.to === undefined && records.list().length === 0) {
    return disabled(name, 'none is configured, and none was ever made')
  }
  const findings = backupFindings(node)
  const failed = findings.find(({ state }) => state === 'fail')
  if (failed !== undefined) return broken(name, failed.what, okAt(madeAt))
  const warned = findings.find(({ state }) => state === 'warn')
  if (warned !== undefined) return notReady(name, warned.what, okAt(madeAt))
  return ready(name, okAt(madeAt))
}
