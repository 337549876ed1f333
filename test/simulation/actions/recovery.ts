import type { KithNode } from '../../../src/node/node.ts'
import type { Action } from '../action.ts'
import type { SimNode } from '../sim-node.ts'

/** Most time that a retired node is away, in ms, whose owner thinks better of it. */
const MAX_AWAY_MS = 20_000

/** An owner takes his node back with its recovery key, whether it was stolen or not. */
const takeBack: Action = {
  name: 'recover',
  weight: 1,
  begin(world) {
    const { random, up } = world
    if (up.length > 0) recover(random.of(up))
  },
}

/** An owner ends his node for good, or so he thinks. */
const retire: Action = {
  name: 'retire',
  weight: 0.3,
  begin(world) {
    const { random, scheduler, up } = world
    if (up.length === 0) return
    const sim = random.of(up)
    sim.note('retires')
    sim.owner(['retired', 'rotation-key-off-host', 'malformed'], async ({ keys }) => {
      await keys.rotation.retire({ passphrase: undefined })
      sim.stop(0)
    })
    if (random.below(2) === 0) return
    scheduler.after(random.below(MAX_AWAY_MS), () => {
      if (!sim.keys.retired || !sim.down) return
      sim.note('comes back')
      sim.keys.recover(sim.now)
      sim.start()
    })
  },
}

export const RECOVERY_ACTIONS: readonly Action[] = [takeBack, retire]

/** Processes whose owner recovers their node. */
const recovering = new WeakSet<KithNode>()

/** The owner recovers his node, if it is up, and he is not about it already. */
export function recover(sim: SimNode): void {
  const { node } = sim
  if (node === undefined || recovering.has(node)) return
  recovering.add(node)
  sim.note('recovers')
  // A log has an end; and a rotation may come between.
  sim.owner(['malformed', 'retired', 'no-rotation', 'rotation-outdated'], async () => {
    try {
      const { recoveryWords: words } = sim.keys
      await node.keys.rotation.prepareRecovery({ words, protection: { clear: true } })
      await node.keys.rotation.commitRecovery()
    } finally {
      recovering.delete(node)
    }
  })
}
