import assert from 'node:assert/strict'
import type { Invariant } from '../invariant.ts'

export const KEY_INVARIANTS: readonly Invariant[] = [
  {
    title: 'a node takes only keys that the log of their node commits to',
    always: ({ nodes, thieves, up }) => {
      for (const { name, node } of up) {
        for (const peer of node?.pins.peers() ?? []) {
          const owner = nodes.find(({ id }) => id === peer.id)
          if (peer.key === undefined || owner === undefined) continue
          // What the rotation key has signed, the log commits to: whoever has it.
          if (thieves.some(({ made }) => made.has(peer.key ?? ''))) continue
          assert.ok(owner.keys.has(peer.key), `${name} takes ${peer.key} for ${owner.name}`)
        }
      }
    },
  },
]
