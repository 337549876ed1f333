import type { RotateInit } from '../../../src/node/rotation.ts'
import type { Action } from '../action.ts'
import type { SimNode } from '../sim-node.ts'

const HOUR_SECONDS = 3_600

/** An owner rotates his node's key. */
const rotateSome: Action = {
  name: 'rotate',
  weight: 2,
  begin(world) {
    const { random, up } = world
    if (up.length === 0) return
    const node = random.of(up)
    const why = random.below(3) === 0 ? 'compromise' : 'routine'
    const graceSeconds = why === 'compromise' ? 0 : random.below(HOUR_SECONDS)
    rotate(node, { why, graceSeconds })
  },
}

export const KEY_ACTIONS: readonly Action[] = [rotateSome]

/** The owner rotates his node's key, if the node is up. */
export function rotate(node: SimNode, init: Pick<RotateInit, 'why' | 'graceSeconds'>): void {
  node.note(`rotates its key: ${init.why}, ${init.graceSeconds} s of grace`)
  // A log has an end.
  node.owner(['malformed'], ({ keys }) => keys.rotation.rotate({ ...init, passphrase: undefined }))
}
