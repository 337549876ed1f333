import { existsSync } from 'node:fs'
import { pino } from 'pino'
import type { Pin } from '../protocol/pin.ts'
import type { Database } from '../store/database.ts'
import { editPeers, readPeers } from '../store/peers-file.ts'
import { withDatabaseCopy } from '../store/store-copy.ts'
import { unknownPeer } from './asks/ask-desk.ts'
import { systemClock } from './clock.ts'
import type { ExplainReport, PeerKeysReport } from './control/api.ts'
import { reportPeerKeys } from './control/key-reports.ts'
import type { Home } from './home.ts'
import { KeyLogs } from './key-logs.ts'
import { Pins } from './pins.ts'
import type { Peer } from './pins.ts'
import { explain } from './policy/explain.ts'
import type { Question } from './policy/explain.ts'
import { storedPolicy } from './policy/telemetry.ts'

/** Which rule decides on a call of a peer, by the files of a home whose node does not run. @throws {KithError} `unknown-peer` */
export async function explainOffline(
  home: Home,
  name: string,
  question: Question,
): Promise<ExplainReport> {
  const pin = await pinOf(home, name)
  const known = await fromStore(home, async (database) => {
    const { frozen, id } = await withPins(home, database, async (pins) => peerIn(pins, name))
    const record = id === undefined ? undefined : await storedPolicy(database, id)
    return { frozen, record }
  })
  const { frozen, record } = known ?? { frozen: false, record: undefined }
  return await explain({ pin, frozen, record, home, now: Date.now() }, question)
}

/** Why a key is taken for a peer's. @throws {KithError} `unknown-peer` */
export async function peerKeysOffline(home: Home, name: string): Promise<PeerKeysReport> {
  const { id } = await pinOf(home, name)
  const stored = await fromStore(
    home,
    async (database) =>
      await withPins(home, database, async (pins) =>
        reportPeerKeys({ pins, clock: systemClock }, peerIn(pins, name)),
      ),
  )
  if (stored !== undefined) return stored
  return {
    ...{ peer: name, state: 'waiting', log: [], conflict: [] },
    ...(id === undefined ? {} : { id }),
  }
}

/** What `use` makes of the store; undefined when there is none yet. */
async function fromStore<T>(
  { store }: Home,
  use: (database: Database) => Promise<T>,
): Promise<T | undefined> {
  return existsSync(store) ? await withDatabaseCopy(store, use) : undefined
}

/** What `use` makes of the pins, joined with the key logs that their nodes have shown. */
async function withPins<T>(
  home: Home,
  database: Database,
  use: (pins: Pins) => Promise<T>,
): Promise<T> {
  const clock = systemClock
  const pins = new Pins({
    source: {
      watch: async ({ onChange }) => {
        onChange(await readPeers(home.peers))
        return async () => undefined
      },
      edit: async (edit) => await editPeers(home.peers, edit),
    },
    keyLogs: new KeyLogs({ database, clock }),
    // Whether a peer wants to be dialled is of no matter here.
    byes: {
      start: async () => undefined,
      since: () => undefined,
      review: () => undefined,
      onChange: () => () => undefined,
    },
    clock,
    log: pino({ level: 'silent' }),
  })
  await pins.start()
  try {
    return await use(pins)
  } finally {
    await pins.stop()
  }
}

async function pinOf(home: Home, name: string): Promise<Pin> {
  const pin = (await readPeers(home.peers)).find((candidate) => candidate.name === name)
  if (pin === undefined) throw unknownPeer(name)
  return pin
}

function peerIn(pins: Pins, name: string): Peer {
  const peer = pins.byName(name)
  if (peer === undefined) throw unknownPeer(name)
  return peer
}
