import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Byes } from '../../src/node/byes.ts'
import { systemClock } from '../../src/node/clock.ts'
import { KeyLogs } from '../../src/node/key-logs.ts'
import { createLog } from '../../src/node/log.ts'
import { Pins } from '../../src/node/pins.ts'
import type { PeerRow } from '../../src/protocol/pin.ts'
import { Database } from '../../src/store/database.ts'
import { editPeers, peersFile } from '../../src/store/peers-file.ts'
import { LogTap } from './log-tap.ts'
import { tempFolder } from './temp-folder.ts'

/** A node's own pins: peers.yaml and a store in a folder of the test's own. */
export interface StoredPins {
  pins: Pins
  /** Holds peers.yaml and the folder `store`. */
  folder: string
}

/** Pins that are closed after each test. Call it in `describe`, its result in tests. */
export function storedPins(): (peers: PeerRow[]) => Promise<StoredPins> {
  const folder = tempFolder()
  let stop: () => Promise<void> = async () => undefined
  afterEach(() => stop())
  return async (peers) => {
    const path = join(folder(), 'peers.yaml')
    for (const peer of peers) await editPeers(path, { op: 'add', peer })
    const database = await Database.open(join(folder(), 'store'))
    const log = createLog('debug', new LogTap())
    const clock = systemClock
    const pins = new Pins({
      source: peersFile(path),
      keyLogs: new KeyLogs({ database, clock }),
      byes: new Byes({ database, alerts: { raise: () => undefined }, clock, log }),
      clock,
      log,
    })
    await pins.start()
    stop = async () => {
      await pins.stop()
      await database.close()
    }
    return { pins, folder: folder() }
  }
}

/** SHA-256 of every file below `folder`, by its path. */
export async function digestsOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => join(parentPath, name))
  const digests = paths.sort().map(async (path) => {
    const digest = createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
    return [path, digest] as const
  })
  return Object.fromEntries(await Promise.all(digests))
}
