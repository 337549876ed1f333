import type { SimNode } from './sim-node.ts'

/** Both have pinned the other, neither has blocked it, and one of them dials the other: whatever each holds of its keys. */
export function reach(a: SimNode, b: SimNode): boolean {
  const pinned = a.peers.of(b.id) !== undefined && b.peers.of(a.id) !== undefined
  return pinned && !blocks(a, b) && !blocks(b, a) && (dials(a, b) || dials(b, a))
}

/** Whether the owner of a node has blocked another, as a node or by its key. */
export function blocks({ node }: SimNode, { id, keys }: SimNode): boolean {
  if (node === undefined) return true
  return node.strangers.blocks(id) || node.strangers.blocks(keys.identity.key)
}

/** Whether a node knows where another is, and has not been told that there is no use in it. */
function dials({ node, peers }: SimNode, to: SimNode): boolean {
  const known = (peers.of(to.id)?.addresses ?? []).length > 0
  const { mayReturn, retired } = node?.pins.byId(to.id) ?? {}
  const gone = retired === true && mayReturn !== true
  return known && !gone && node?.byes.since(to.id) === undefined
}
