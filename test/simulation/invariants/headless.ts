import assert from 'node:assert/strict'
import type { Invariant } from '../invariant.ts'
import type { SimNode } from '../sim-node.ts'
import type { World } from '../world.ts'

export const HEADLESS_INVARIANTS: readonly Invariant[] = [
  {
    title: 'a key that is kept for another node stays where it is',
    onSend: (world, { bytes, from }) => {
      for (const [node, keeper] of parked(world)) {
        const said = Buffer.from(bytes)
        for (const seed of [...keeper.kept.seeds, node.keys.identity.secret].map((of) =>
          Buffer.from(of),
        )) {
          const found = said.includes(seed) || said.includes(seed.toString('base64url'))
          assert.ok(!found, `${from.name} sends a secret`)
        }
      }
    },
  },
  {
    title: 'the key that rotates a node next is with who keeps it',
    atRest: async (world) => {
      for (const [node, keeper] of parked(world)) {
        const kept = keeper.kept.has(node.keys.state.nextCommitment)
        assert.ok(kept, `${keeper.name} does not keep the key of ${node.name}`)
      }
    },
  },
]

/** Why a rotation has come to no end yet, if it can. */
export function rotationUnrest(world: World): string | undefined {
  for (const { keys, name, node } of world.nodes) {
    if (node?.self.key !== keys.identity.key) return `${name} does not use its new key yet`
  }
  for (const [node, keeper] of parked(world)) {
    const linked = node.node?.links.get(keeper.id) !== undefined
    const pinned = keeper.peers.of(node.id)?.allow?.includes('key.rotate') === true
    const frozen = keeper.node?.pins.byId(node.id)?.frozen === true
    if (node.keys.waiting === undefined || !linked || !pinned || frozen) continue
    return `${node.name} waits for ${keeper.name} to sign its rotation`
  }
  return undefined
}

/** Nodes whose rotation key is not with them, and where it is. */
function parked({ keepers }: World): [SimNode, SimNode][] {
  return [...keepers].filter(([node]) => !node.keys.rotatesHere)
}
