import { existsSync } from 'node:fs'
import { stringify } from 'yaml'
import { isFailure } from '../protocol/errors.ts'
import { checkPrivateFolder, createPrivateFile, makePrivateFolder } from '../store/atomic-file.ts'
import type { Protection } from '../store/keystore.ts'
import { editPeers as editPeersFile, readPeers } from '../store/peers-file.ts'
import { announced } from './addresses.ts'
import { endStoredBye } from './byes.ts'
import { readConfig } from './config.ts'
import type { Input, PeerReport } from './control/api.ts'
import { reportPin } from './control/peer-report.ts'
import type { Home } from './home.ts'
import { createIdentity, readIdentity } from './identity.ts'
import type { CreateIdentityOptions } from './identity.ts'
import { LostNode } from './keys/lost-node.ts'
import { OfflineKeys } from './keys/offline-keys.ts'

/** What `kith id` shows. */
export interface NodeDescription {
  name?: string
  id: string
  /** A retired node has none. */
  key?: string
  words: string[]
  addresses: string[]
}

/** Makes a node in a home that has none. @throws {KithError} `exists` */
export async function initNode(
  home: Home,
  init: { protection: Protection; name?: string; listen?: string[] } & CreateIdentityOptions,
): Promise<NodeDescription & { recoveryWords: string[]; rotationWords?: string[] }> {
  const { listen, name, protection, ...options } = init
  const settings = {
    ...(name === undefined ? {} : { name }),
    ...(listen === undefined ? {} : { listen }),
  }
  await makePrivateFolder(home.path)
  const { recoveryWords, rotationWords } = await createIdentity(
    home.path,
    protection,
    Date.now(),
    options,
  )
  await makePrivateFolder(home.workspace)
  if (Object.keys(settings).length > 0) {
    await createPrivateFile(home.config, Buffer.from(stringify({ version: 1, ...settings })))
  }
  return {
    ...(await describeNode(home, {})),
    recoveryWords,
    ...(rotationWords === undefined ? {} : { rotationWords }),
  }
}

/** Who this home's node is, and where others can reach it. @throws {KithError} `no-identity` */
export async function describeNode(home: Home, env: NodeJS.ProcessEnv): Promise<NodeDescription> {
  const { id, key, words } = await readIdentity(home.path)
  const config = await readConfig(home.config, env)
  return {
    ...(config.name === undefined ? {} : { name: config.name }),
    id,
    ...(key === undefined ? {} : { key }),
    words,
    addresses: announced(config),
  }
}

/**
 * Resolves when the folder of this home is there, with a node in it or not yet, and is closed to others. A home whose
 * name is mistyped is not made.
 *
 * @throws {KithError} `no-identity`, `unsafe-file`
 */
export async function assertHome({ path }: Pick<Home, 'path'>): Promise<void> {
  if (existsSync(path)) await checkPrivateFolder(path)
  else await readIdentity(path)
}

/** Changes peers.yaml. A peer whose pin is new, gone, or told where to be dialled, is dialled whatever it said before. */
export async function editPeers(home: Home, edit: Input<'editPeers'>): Promise<PeerReport[]> {
  await assertHome(home)
  const before = await readPeers(home.peers)
  const after = await editPeersFile(home.peers, edit)
  const name = edit.op === 'add' ? edit.peer.name : edit.name
  const id = (edit.op === 'remove' ? before : after).find((pin) => pin.name === name)?.id
  const isAnew = edit.op === 'add' || edit.op === 'remove' || edit.op === 'set-addresses'
  if (isAnew && id !== undefined) await endBye(home, id)
  return after.map(offline)
}

export async function listPeers(home: Home): Promise<PeerReport[]> {
  return (await readPeers(home.peers)).map(offline)
}

/** The keys of a home whose node does not run. To be closed. */
export async function openKeys(home: Home): Promise<OfflineKeys> {
  return new OfflineKeys(home)
}

/** The node with the key log in this file, to be recovered in a home that has none. To be closed. */
export async function openLostNode(home: Home, path: string): Promise<LostNode> {
  return await LostNode.read(home, path)
}

async function endBye({ store }: Home, id: string): Promise<void> {
  if (!existsSync(store)) return
  const { Database } = await import('../store/database.ts')
  try {
    const database = await Database.open(store)
    try {
      await endStoredBye(database, id)
    } finally {
      await database.close()
    }
  } catch (err) {
    // Whoever has the store is a node that starts or stops. It looks at peers.yaml itself.
    if (!isFailure(err, 'locked')) throw err
  }
}

function offline(pin: Parameters<typeof reportPin>[0]): PeerReport {
  return { ...reportPin(pin), state: 'disconnected' }
}
