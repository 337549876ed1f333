import type { Config } from '../config.ts'
import type { Mesh } from '../mesh.ts'
import type { PartState } from '../parts.ts'
import type { Clock } from '../clock.ts'
import type { Peer, Pins } from '../pins.ts'
import type { Strangers } from '../strangers.ts'
import type { Look, Seen } from './look.ts'
import { broken, disabled, notReady, okAt, partLook, ready } from './look.ts'

/** Nobody is there when a network begins: only a node that has been alone for so long says so. */
export const ALONE_MS = 300_000

/** What the looks at the network need. */
export interface MeshWatched {
  readonly clock: Pick<Clock, 'now'>
  readonly config: Pick<Config, 'listen'>
  readonly links: { get: (id: string) => unknown }
  readonly mesh: Pick<Mesh, 'addresses'>
  readonly parts: { states: () => PartState[] }
  readonly pins: Pick<Pins, 'peers' | 'problem'>
  readonly strangers: Pick<Strangers, 'blocks'>
}

/** Whether peers.yaml is in force as it is on disk. */
export function pinsLook({ parts, pins }: MeshWatched): Look {
  const name = 'pins'
  const halted = partLook(name, parts)
  if (halted !== undefined) return halted
  return pins.problem === undefined ? ready(name) : broken(name, pins.problem.message)
}

export function listenerLook({ config, mesh, parts }: MeshWatched): Look {
  const name = 'listener'
  const halted = partLook(name, parts, 'mesh')
  if (halted !== undefined) return halted
  if (config.listen.length === 0) return disabled(name, 'it listens nowhere, as configured')
  return mesh.addresses().length > 0
    ? ready(name)
    : broken(name, `it does not listen on ${config.listen.join(', ')}`)
}

/** Whether we are in touch with those who are pinned. One of several that is away is no fault of ours. */
export function peersLook(node: MeshWatched, { peers }: Seen): Look {
  const name = 'peers'
  const { clock, links, pins, strangers } = node
  const expected = pins.peers().filter((peer) => isExpected(peer, strangers))
  const frozen = expected.find((peer) => peer.frozen)
  const seen = okAt(peers.ever ? peers.at : undefined)
  if (frozen !== undefined) {
    const reason = `${frozen.pin.name} is frozen: two key logs stand against each other`
    return broken(name, reason, seen)
  }
  if (expected.length === 0) return disabled(name, 'nobody is pinned')
  const linked = expected.filter(({ id }) => id !== undefined && links.get(id) !== undefined)
  const reason = `${linked.length} of ${expected.length} linked`
  if (linked.length > 0) return ready(name, { reason, lastOkAt: clock.now() })
  if (clock.now() - peers.at <= ALONE_MS) return ready(name, { reason, ...seen })
  const minutes = Math.floor((clock.now() - peers.at) / 60_000)
  return notReady(name, `no peer was linked for ${minutes} minutes`, seen)
}

/** Those that should be there: who has retired, has unpinned us or is blocked does not come. */
function isExpected(
  { id, key, pin, retired, unpinnedUsAt }: Peer,
  strangers: MeshWatched['strangers'],
): boolean {
  if (retired || unpinnedUsAt !== undefined) return false
  return ![id, key, pin.key].some((who) => who !== undefined && strangers.blocks(who))
}
