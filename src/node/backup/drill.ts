import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pino } from 'pino'
import { z } from 'zod'
import type { CborValue } from '../../protocol/cbor.ts'
import { KithError, isFailure } from '../../protocol/errors.ts'
import type { Manifest } from '../../store/backup/manifest.ts'
import { makerTag } from '../../store/backup/maker.ts'
import type { OnProgress } from '../../store/backup/progress.ts'
import { restoreHome } from '../../store/backup/restore.ts'
import type { Key } from '../../store/backup/seal.ts'
import { sweepKilled } from '../../store/backup/swap.ts'
import { Database } from '../../store/database.ts'
import { Journal } from '../../store/journal.ts'
import { readPeers } from '../../store/peers-file.ts'
import { attempt, failed, ok } from '../checks/finding.ts'
import type { Finding } from '../checks/finding.ts'
import { configSchema, readConfig } from '../config.ts'
import { homeOf } from '../home.ts'
import type { Home } from '../home.ts'
import { identityOf, openIdentity } from '../identity.ts'
import type { Identity } from '../identity.ts'
import { randomSeed } from '../keys/key-files.ts'
import { readOwnLog } from '../keys/own-log.ts'
import { KithNode } from '../node.ts'
import { surroundingsOf } from '../surroundings.ts'
import type { Transport, TransportInit } from '../transport.ts'
import { foundOf, summaryOf } from './home-backups.ts'
import type { BackupAuthor, VerifyReport } from '../control/routes/backups.ts'
import { authorOf, trustIn } from './backup-author.ts'
import type { Wanted } from './backup-author.ts'
import { mergeHome } from './merge-home.ts'

/** Journals of a store, each of which holds the hash of every entry before the last. */
const JOURNALS = ['ask-journal', 'costs', 'backup-log'] as const

/** `unchecked`: what it takes was not given. */
export type DrillFinding = Omit<Finding, 'state'> & {
  check: string
  state: Finding['state'] | 'unchecked'
}

/** What of a node has to be well where it is tried out: it is cut off from all others there. */
const DRILLED: ReadonlySet<string> = new Set(['identity', 'store', 'pins', 'scheduler'])

export interface DrillReport extends Pick<VerifyReport, 'author' | 'found' | 'summary'> {
  /** False when a node could not be started from this backup, or is not the one that it says. */
  ok: boolean
  findings: DrillFinding[]
}

export interface DrillInit {
  file: string
  key: Key
  /** The home that the drill stands beside, on the same disk: what is restored is as secret as it is. */
  home: Home
  /** Opens the keys that are in the backup, where they are sealed. */
  passphrase: string | undefined
  wanted: Wanted
  onProgress: OnProgress
  /** Ends it: what was restored is taken away. */
  signal?: AbortSignal
}

/**
 * Restores a backup to a place of its own as to a new machine, starts its node there and takes it away. The node listens nowhere,
 * dials nobody, runs no job and asks no model: nobody hears of it.
 *
 * @throws {KithError} `passphrase` when the backup is not opened by the key; `too-new`
 */
export async function drillBackup(init: DrillInit): Promise<DrillReport> {
  const { file, home, key, onProgress, signal, wanted } = init
  const trust = await trustIn(home.path, wanted)
  await mkdir(dirname(home.path), { recursive: true, mode: 0o700 })
  await sweepKilled(home.path, Date.now())
  const id = Buffer.from(randomSeed()).toString('hex', 0, 8)
  const outer = `${home.path}.drill-${id}-${await makerTag()}`
  await mkdir(outer, { mode: 0o700 })
  const folder = join(outer, 'home')
  try {
    const { manifest, merged: author } = await restoreHome({
      ...{ file, key, home: folder, id: 'drill', dryRun: false, onProgress, signal },
      accept: (backup) => {
        authorOf(backup, trust, Date.now())
      },
      merge: async (restoring) => {
        await mergeHome(restoring, Date.now())
        return authorOf(restoring, trust, Date.now())
      },
    })
    const findings = await tryOut(folder, manifest, init)
    const isOk = findings.every(({ state }) => state !== 'fail')
    return {
      ok: isOk,
      findings: [archiveFinding(manifest), authorFinding(author), ...findings],
      author,
      summary: summaryOf(manifest),
      found: await foundOf(file, manifest),
    }
  } catch (err) {
    const check = isFailure(err, 'unproved-backup') ? 'author' : 'archive'
    if (check === 'archive' && !isFailure(err, 'corrupt')) throw err
    return { ok: false, findings: [{ check, ...failed(err) }] }
  } finally {
    await rm(outer, { recursive: true, force: true })
  }
}

function archiveFinding(manifest: Manifest): DrillFinding {
  const { bytes, files } = summaryOf(manifest)
  return { check: 'archive', ...ok(`${files} files of ${bytes} bytes are what was announced`) }
}

function authorFinding({ node, proof, stolen, words }: BackupAuthor): DrillFinding {
  const check = 'author'
  if (proof === 'unsigned') return { check, state: 'warn', what: 'nobody has signed it' }
  if (stolen === true) {
    const what = `is ${node}, with a key that was given up later as stolen: its thief may have made this`
    return { check, state: 'warn', what }
  }
  if (proof !== 'itself') return { check, ...ok(`is ${node}`) }
  const what = `is ${node} (${words.join(' ')}), which nothing here can tell`
  return { check, state: 'unchecked', what, hint: 'again with --node ID' }
}

async function tryOut(
  folder: string,
  manifest: Manifest,
  { passphrase, signal }: DrillInit,
): Promise<DrillFinding[]> {
  const home = homeOf({ KITH_HOME: folder }, undefined)
  const found: DrillFinding[] = []
  const look = async (
    check: string,
    run: () => Promise<Finding | DrillFinding[]>,
  ): Promise<void> => {
    signal?.throwIfAborted()
    const findings = await attempt(async () => {
      const result = await run()
      if (!Array.isArray(result)) return [result]
      found.push(...result)
      return []
    })
    found.push(...findings.map((finding) => ({ check, ...finding })))
  }
  await look('identity', () => lookAtIdentity(folder, manifest))
  await look('keys', () => lookAtKeys(folder, passphrase))
  await look('config', async () => {
    await readConfig(home.config, {})
    return ok('is valid')
  })
  await look('peers', async () => ok(`${(await readPeers(home.peers)).length} are pinned`))
  await look('store', () => lookAtStore(home))
  await look('node', () => startNode(home, manifest, passphrase))
  return found
}

async function lookAtIdentity(folder: string, { keyLog, node }: Manifest): Promise<Finding> {
  const { state } = await readOwnLog(folder)
  const isSame = Buffer.from(state.head).toString('hex') === keyLog.head && state.sn === keyLog.sn
  if (state.id === node && isSame) return ok(`is ${node}, its key log ends in event ${keyLog.sn}`)
  return { state: 'fail', what: 'is not the one that the backup says', hint: 'kith backup list' }
}

async function lookAtKeys(
  folder: string,
  passphrase: string | undefined,
): Promise<Finding | DrillFinding[]> {
  try {
    await openIdentity(folder, passphrase)
    return ok('the key in use opens')
  } catch (err) {
    if (!isFailure(err, 'passphrase') || err.details.given) throw err
    const what = 'are sealed by a passphrase of their own, which was not given'
    const hint = 'again with KITH_PASSPHRASE_FILE, as for kith start'
    return [{ check: 'keys', state: 'unchecked', what, hint }]
  }
}

async function lookAtStore({ store }: Home): Promise<Finding> {
  const database = await Database.open(store)
  try {
    let entries = 0
    for (const name of JOURNALS) {
      const journal = await Journal.open(database, name, z.custom<CborValue>())
      const verdict = await journal.verify()
      if (!verdict.intact) {
        const what = `entry ${verdict.seq} of ${name} is ${verdict.problem}`
        return { state: 'fail', what, hint: 'kith backup list, and take an older one' }
      }
      entries += verdict.entries
    }
    return ok(`its journals are whole: ${entries} entries`)
  } finally {
    await database.close()
  }
}

async function startNode(
  home: Home,
  { keyLog, node: id }: Manifest,
  passphrase: string | undefined,
): Promise<Finding> {
  // Its own config would start its engine, and what that needs.
  const config = configSchema.parse({ listen: [], lobby: { mode: 'off' } })
  const surroundings = await surroundingsOf(home, config)
  const log = pino({ level: 'silent' })
  const identity = await identityFor(home, passphrase)
  const node = await KithNode.openIn(
    {
      ...surroundings,
      createTransport: async (init) => deaf(await surroundings.createTransport(deafInit(init))),
    },
    { home, config, identity, log },
  )
  try {
    await node.start({ loop: false })
    const { head, sn } = node.self.state
    const isSame = node.self.id === id && Buffer.from(head).toString('hex') === keyLog.head
    if (!isSame || sn !== keyLog.sn) return { state: 'fail', what: 'is another one, once it runs' }
    const broken = node.health
      .components()
      .find(({ name, state }) => state === 'error' && DRILLED.has(name))
    if (broken === undefined) return ok('starts, and is healthy')
    return {
      state: 'fail',
      what: `starts, and its ${broken.name} is not well: ${broken.reason ?? ''}`,
    }
  } finally {
    await node.stop(0)
  }
}

/** With sealed keys, a key that nobody knows: the node meets nobody. */
async function identityFor({ path }: Home, passphrase: string | undefined): Promise<Identity> {
  return await openIdentity(path, passphrase).catch(async (err: unknown) => {
    if (!isFailure(err, 'passphrase')) throw err
    return identityOf((await readOwnLog(path)).events, randomSeed())
  })
}

function deafInit(init: TransportInit): TransportInit {
  return { ...init, listen: [] }
}

function deaf(transport: Transport): Transport {
  return {
    ...transport,
    dial: async (address) => {
      const what = address.toString()
      throw new KithError('unreachable', 'a drill dials nobody', { peer: what, reason: 'drill' })
    },
  }
}
