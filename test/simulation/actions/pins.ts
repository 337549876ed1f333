import type { PeerRow } from '../../../src/protocol/pin.ts'
import type { PeerEdit } from '../../../src/store/peers-edit.ts'
import type { Action } from '../action.ts'
import type { SimNode } from '../sim-node.ts'

const MAX_AWAY_MS = 20_000

/** How one node has pinned another. */
export function rowFor(peer: SimNode, dialled: boolean): PeerRow {
  return {
    name: peer.name,
    id: peer.id,
    addresses: dialled ? [peer.address] : [],
    allow: ['ping', 'ask', 'status'],
    ask: { per_minute: 60, parallel: 2, queue: 3, max_seconds: 60 },
  }
}

/** An owner unpins a peer, and pins it again later. */
const unpin: Action = {
  name: 'unpin',
  weight: 1,
  begin(world) {
    const { random, scheduler } = world
    const node = random.of(world.nodes)
    const row = node.peers.rows.length === 0 ? undefined : random.of(node.peers.rows)
    if (row === undefined) return
    edit(node, { op: 'remove', name: row.name })
    scheduler.after(random.below(MAX_AWAY_MS), () => {
      edit(node, { op: 'add', peer: row })
    })
  },
}

/** An owner takes the right to ask from a peer, and gives it back later. */
const deny: Action = {
  name: 'deny',
  weight: 1,
  begin(world) {
    const { random, scheduler } = world
    const node = random.of(world.nodes)
    const row = node.peers.rows.length === 0 ? undefined : random.of(node.peers.rows)
    if (row === undefined) return
    edit(node, { op: 'deny', name: row.name, grants: ['ask'] })
    scheduler.after(random.below(MAX_AWAY_MS), () => {
      edit(node, { op: 'allow', name: row.name, grants: ['ask'] })
    })
  },
}

export const PIN_ACTIONS: readonly Action[] = [unpin, deny]

function edit(node: SimNode, change: PeerEdit): void {
  node.note(JSON.stringify(change))
  node.owner(['unknown-peer', 'exists'], ({ pins }) => pins.edit(change))
}
