import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Database } from '../store/database.ts'
import { peersFile } from '../store/peers-file.ts'
import { RotatingFile } from '../store/rotating-file.ts'
import { createEngine } from './agent/engines.ts'
import type { EngineParts, RunningEngine } from './agent/engines.ts'
import type { LineSink } from './agent/run-log.ts'
import { readOwnFiles } from './changes/own-files.ts'
import type { OwnFiles } from './changes/own-files.ts'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { Home } from './home.ts'
import { keptInHome, keysOfHome } from './keys/own-keys.ts'
import type { KeptKeys, OwnKeys } from './keys/own-keys.ts'
import type { PeersSource } from './peers-source.ts'
import { jobsFile } from './scheduler/jobs-file.ts'
import type { JobsSource } from './scheduler/jobs-file.ts'
import { createTransport } from './transport.ts'
import type { Transport, TransportInit } from './transport.ts'

/** What a node finds around it: time, chance, a disk, a network, and what thinks. A simulation brings its own. */
export interface Surroundings {
  clock: Clock
  /** In [0, 1). */
  random: () => number
  randomBytes: (count: number) => Uint8Array
  /** An open one; the node closes it. */
  database: Database
  peers: PeersSource
  jobs: JobsSource
  keys: OwnKeys
  kept: KeptKeys
  /** The files that say how the node is set up, as they are now; what cannot be read just now is as `before`. */
  ownFiles: (before: OwnFiles) => Promise<OwnFiles>
  engine: (parts: EngineParts) => Promise<RunningEngine>
  /** Where the lines of the log with this name go. */
  lines: (name: string) => LineSink
  createTransport: (init: TransportInit) => Promise<Transport>
}

/** A log makes room for a new one at this size, and so many older ones are kept. */
const MAX_LOG_BYTES = 4_194_304
const KEPT_LOGS = 4

/** Those of this home, on this machine. @throws {KithError} `locked` when another process has its store */
export async function surroundingsOf(home: Home, config: Config): Promise<Surroundings> {
  return {
    clock: systemClock,
    random: Math.random,
    randomBytes: (count) => randomBytes(count),
    database: await Database.open(home.store),
    peers: peersFile(home.peers),
    jobs: jobsFile(home.jobs),
    keys: keysOfHome(home.path),
    kept: keptInHome(home.path),
    ownFiles: async (before) => await readOwnFiles(home, before),
    engine: async (parts) => await createEngine(config.agent, home, parts),
    lines: (name) =>
      new RotatingFile({ path: join(home.logs, name), maxBytes: MAX_LOG_BYTES, keep: KEPT_LOGS }),
    createTransport,
  }
}
