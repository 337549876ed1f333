import { stringify } from 'yaml'
import { decideGrant } from '../protocol/grant.ts'
import { createPrivateFile, makePrivateFolder } from '../store/atomic-file.ts'
import type { Protection } from '../store/keystore.ts'
import { editPeers as editPeersFile, readPeers } from '../store/peers-file.ts'
import { announced } from './addresses.ts'
import { unknownPeer } from './asks/ask-desk.ts'
import { readConfig } from './config.ts'
import type { ExplainReport, Input, PeerReport } from './control/api.ts'
import { reportPin } from './control/peer-report.ts'
import type { Home } from './home.ts'
import { createIdentity, readIdentity } from './identity.ts'
import type { CreateIdentityOptions } from './identity.ts'
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

export async function editPeers(home: Home, edit: Input<'editPeers'>): Promise<PeerReport[]> {
  await makePrivateFolder(home.path)
  return (await editPeersFile(home.peers, edit)).map(offline)
}

export async function listPeers(home: Home): Promise<PeerReport[]> {
  return (await readPeers(home.peers)).map(offline)
}

/** Which rule decides on a call of this verb by this peer. @throws {KithError} `unknown-peer` */
export async function explain(home: Home, name: string, verb: string): Promise<ExplainReport> {
  const pin = (await readPeers(home.peers)).find((candidate) => candidate.name === name)
  if (pin === undefined) throw unknownPeer(name)
  const decision = decideGrant(pin, verb, { now: Date.now(), chainLength: 1 })
  const why = decision.allowed ? 'granted' : decision.why
  return { peer: name, verb, allowed: decision.allowed, rule: decision.rule, why }
}

/** The keys of a home whose node does not run. To be closed. */
export async function openKeys(home: Home): Promise<OfflineKeys> {
  return new OfflineKeys(home)
}

function offline(pin: Parameters<typeof reportPin>[0]): PeerReport {
  return { ...reportPin(pin), state: 'disconnected' }
}
