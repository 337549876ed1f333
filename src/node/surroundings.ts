import { randomBytes } from 'node:crypto'
import { BuiltinEngine } from '../agent/engines/builtin.ts'
import { Memory } from '../agent/memory.ts'
import type { Engine, NodeFacts } from '../agent/ports.ts'
import { Workspace } from '../agent/workspace.ts'
import { Database } from '../store/database.ts'
import { peersFile } from '../store/peers-file.ts'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import type { Home } from './home.ts'
import { keptInHome, keysOfHome } from './keys/own-keys.ts'
import type { KeptKeys, OwnKeys } from './keys/own-keys.ts'
import type { PeersSource } from './pins.ts'
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
  keys: OwnKeys
  kept: KeptKeys
  engine: (facts: NodeFacts) => Engine
  createTransport: (init: TransportInit) => Promise<Transport>
}

/** Those of this home, on this machine. @throws {KithError} `locked` when another process has its store */
export async function surroundingsOf(home: Home): Promise<Surroundings> {
  return {
    clock: systemClock,
    random: Math.random,
    randomBytes: (count) => randomBytes(count),
    database: await Database.open(home.store),
    peers: peersFile(home.peers),
    keys: keysOfHome(home.path),
    kept: keptInHome(home.path),
    engine: (facts) =>
      new BuiltinEngine({
        facts,
        memory: new Memory(home.memory),
        workspace: new Workspace(home.workspace),
      }),
    createTransport,
  }
}
