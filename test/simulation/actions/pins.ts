import { editPins } from '../../../src/node/pin-edits.ts'
import type { PeerRow } from '../../../src/protocol/pin.ts'
import type { PeerEdit } from '../../../src/store/peers-edit.ts'
import type { Action } from '../action.ts'
import type { HeardBye } from '../ledger.ts'
import type { SimNode } from '../sim-node.ts'
import type { World } from '../world.ts'

const MAX_AWAY_MS = 20_000

/** Within this time a bye is heard or given up, and on the disk of who has heard it. */
const BYE_MS = 4_000

/** How one node has pinned another; `kept` when it keeps the rotation key of that. */
export function rowFor(peer: SimNode, dialled: boolean, kept: boolean): PeerRow {
  return {
    name: peer.name,
    id: peer.id,
    addresses: dialled ? [peer.address] : [],
    allow: ['ping', 'ask', 'status', ...(kept ? ['key.rotate' as const] : [])],
    ask: { per_minute: 60, parallel: 2, queue: 3, max_seconds: 60 },
  }
}

/** An owner unpins a peer, and pins it again later. It is told, and may hear of it. */
const unpin: Action = {
  name: 'unpin',
  weight: 5,
  begin(world) {
    const { random, scheduler } = world
    const node = random.of(world.nodes)
    const row = node.peers.rows.length === 0 ? undefined : random.of(node.peers.rows)
    if (row === undefined) return
    const peer = world.nodes.find(({ id }) => id === row.id)
    const { key } = node.keys.identity
    edit(world, node, { op: 'remove', name: row.name })
    scheduler.after(BYE_MS, () => {
      if (peer !== undefined) noteBye(world, { from: node, to: peer, key })
    })
    // Few are forgiven.
    if (random.below(3) > 0) return
    scheduler.after(random.below(MAX_AWAY_MS), () => {
      edit(world, node, { op: 'add', peer: row })
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
    edit(world, node, { op: 'deny', name: row.name, grants: ['ask'] })
    scheduler.after(random.below(MAX_AWAY_MS), () => {
      edit(world, node, { op: 'allow', name: row.name, grants: ['ask'] })
    })
  },
}

export const PIN_ACTIONS: readonly Action[] = [unpin, deny]

/** As the commands of an owner reach his node. */
function edit(world: World, node: SimNode, change: PeerEdit): void {
  node.note(JSON.stringify(change))
  const id = change.op === 'add' ? change.peer.id : rowOf(node, change.name)?.id
  const other = world.nodes.find((candidate) => candidate.id === id)
  if (other !== undefined) world.ledger.noteEdit(node, other)
  // Its node may be pinned under another name by now.
  node.owner(['unknown-peer', 'exists', 'blocked', 'usage'], (running) => editPins(running, change))
}

function rowOf({ peers }: SimNode, name: string): PeerRow | undefined {
  return peers.rows.find((row) => row.name === name)
}

/** What a node knows of its having been unpinned, once that is safe on its disk. */
function noteBye({ ledger }: World, bye: Omit<HeardBye, 'edits'>): void {
  const { from, to } = bye
  const heard = to.node?.byes.since(from.id) !== undefined
  if (!heard || from.peers.of(to.id) !== undefined) return
  to.note(`knows that ${from.name} has unpinned it`)
  ledger.byes.push({ ...bye, edits: ledger.edits(to, from) + ledger.edits(from, to) })
}
