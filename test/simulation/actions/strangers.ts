import { strangerHandlers } from '../../../src/node/control/handlers/strangers.ts'
import type { Action } from '../action.ts'
import type { SimNode } from '../sim-node.ts'
import type { World } from '../world.ts'

const MAX_BLOCKED_MS = 20_000

/** An owner who waits for his command to end. */
const NEVER = new AbortController().signal

/** A stranger that has knocked somewhere. */
interface Knock {
  /** Where. */
  node: SimNode
  key: string
  who: SimNode
}

/** An owner pins whoever has knocked. */
const accept: Action = {
  name: 'accept a stranger',
  weight: 1,
  begin(world) {
    const knock = someKnock(world)
    if (knock === undefined) return
    const { key, node, who } = knock
    node.note(`accepts ${who.name}`)
    world.ledger.noteEdit(node, who)
    const allow = ['ping', 'ask', 'status'] as const
    node.owner(['exists', 'unknown-stranger', 'blocked', 'usage'], (running) =>
      strangerHandlers(running).acceptStranger({ key, name: who.name, allow: [...allow] }, NEVER),
    )
  },
}

/** An owner wants to hear no more of one. */
const deny: Action = {
  name: 'deny a stranger',
  weight: 1,
  begin(world) {
    const knock = someKnock(world)
    if (knock === undefined) return
    const { key, node, who } = knock
    node.note(`denies ${who.name}`)
    node.owner([], (running) => strangerHandlers(running).denyStranger({ key }, NEVER))
  },
}

/** An owner shuts one out, by its key or as a node, and thinks better of it later. */
const block: Action = {
  name: 'block a stranger',
  weight: 1,
  begin(world) {
    const knock = someKnock(world)
    if (knock === undefined) return
    const { key, node, who } = knock
    const by = world.random.below(2) === 0 ? key : who.id
    node.note(`blocks ${who.name} as ${by}`)
    world.ledger.noteEdit(node, who)
    node.owner(['exists', 'list-full'], (running) =>
      strangerHandlers(running).block({ who: by }, NEVER),
    )
    world.scheduler.after(world.random.below(MAX_BLOCKED_MS), () => {
      node.note(`unblocks ${who.name} as ${by}`)
      node.owner(['unknown-stranger'], (running) =>
        strangerHandlers(running).unblock({ who: by }, NEVER),
      )
    })
  },
}

export const STRANGER_ACTIONS: readonly Action[] = [accept, deny, block]

function someKnock(world: World): Knock | undefined {
  const knocks = world.up.flatMap((node) =>
    (node.node?.strangers.pending() ?? []).flatMap(({ key }) => {
      const who = world.holderOf(key)
      return who === undefined ? [] : [{ node, key, who }]
    }),
  )
  return knocks.length === 0 ? undefined : world.random.of(knocks)
}
