import type { Action } from '../action.ts'

const HOUR_SECONDS = 3_600

/** An owner rotates his node's key. */
const rotate: Action = {
  name: 'rotate',
  weight: 2,
  begin(world) {
    const { random, up } = world
    if (up.length === 0) return
    const node = random.of(up)
    const why = random.below(3) === 0 ? 'compromise' : 'routine'
    const graceSeconds = why === 'compromise' ? 0 : random.below(HOUR_SECONDS)
    node.note(`rotates its key: ${why}, ${graceSeconds} s of grace`)
    // A log has an end.
    node.owner(['malformed'], ({ keys }) =>
      keys.rotation.rotate({ why, graceSeconds, passphrase: undefined }),
    )
  },
}

export const KEY_ACTIONS: readonly Action[] = [rotate]
