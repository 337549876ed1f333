import type { Action } from '../action.ts'
import type { World } from '../world.ts'

const DAY_MS = 86_400_000

/** Time until somebody puts right what went wrong, in ms: mostly soon. */
function repairMs({ random }: World): number {
  return random.below(random.below(4) === 0 ? 60_000 : 3_000)
}

/** A process ends where it stands, or its machine does. Somebody starts it again. */
const crash: Action = {
  name: 'crash',
  weight: 5,
  begin(world) {
    const { ledger, nodes, random, scheduler } = world
    const node = random.of(nodes)
    const powerCut = random.below(2) === 0
    if (powerCut) ledger.forgetFinals(node)
    node.crash(powerCut)
    scheduler.after(repairMs(world), () => {
      node.start()
    })
  },
}

/** An owner stops his node, and starts it again. */
const restart: Action = {
  name: 'restart',
  weight: 2,
  begin(world) {
    const { nodes, random, scheduler } = world
    const node = random.of(nodes)
    node.stop(random.below(5_000))
    scheduler.after(repairMs(world), () => {
      node.start()
    })
  },
}

/** The network falls into two parts, or one pair of nodes cannot reach each other. */
const part: Action = {
  name: 'part',
  weight: 3,
  begin(world) {
    const { network, nodes, random, scheduler } = world
    const names = nodes.map(({ name }) => name)
    const these = names.filter(() => random.below(2) === 0)
    const those = names.filter((name) => !these.includes(name))
    world.note('net', `parts ${these.join()} from ${those.join()}`)
    network.part(these, those)
    scheduler.after(repairMs(world), () => {
      world.note('net', 'heals')
      network.heal()
    })
  },
}

/** One connection ends, with what was on its way. */
const breakOne: Action = {
  name: 'break',
  weight: 4,
  begin(world) {
    world.note('net', 'breaks a connection')
    world.network.breakOne()
  },
}

/** A node opens one more connection to a peer, as after a loss that the peer has not noticed. */
const redial: Action = {
  name: 'redial',
  weight: 3,
  begin(world) {
    const { random, up } = world
    if (up.length === 0) return
    const from = random.of(up)
    const to = random.of(world.nodes)
    const peer = from.node?.pins.peers().find(({ id }) => id === to.id)
    if (from.node === undefined || peer?.id === undefined || peer.key === undefined) return
    from.note(`dials ${to.name} once more`)
    const { id, key } = peer
    from.node.mesh
      .dial({ ...peer, id, key }, to.address, new AbortController().signal)
      .catch(() => undefined)
  },
}

/** Somebody sets a machine's clock. */
const setClock: Action = {
  name: 'set a clock',
  weight: 2,
  begin({ nodes, random }) {
    const node = random.of(nodes)
    const most = random.below(5) === 0 ? 3 * DAY_MS : 120_000
    node.setClock(random.below(2 * most) - most)
  },
}

export const FAULT_ACTIONS: readonly Action[] = [crash, restart, part, breakOne, redial, setClock]
