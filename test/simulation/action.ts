import type { World } from './world.ts'

/** Something that may happen in a mesh. */
export interface Action {
  name: string
  /** How often it is chosen, against the others. */
  weight: number
  /** Begins it, if it can be done now: nobody waits for it. What it chooses, it chooses by the world's chance. */
  begin(world: World): void
}

/** One of the actions, by their weights. */
export function choose(actions: readonly Action[], world: World): Action {
  const total = actions.reduce((sum, { weight }) => sum + weight, 0)
  let left = world.random.next() * total
  for (const action of actions) {
    left -= action.weight
    if (left < 0) return action
  }
  throw new TypeError('no actions')
}
