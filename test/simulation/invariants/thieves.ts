import assert from 'node:assert/strict'
import type { KithNode } from '../../../src/node/node.ts'
import { isSameLog } from '../../../src/node/key-logs.ts'
import type { KnownKeys } from '../../../src/node/key-logs.ts'
import type { Pins } from '../../../src/node/pins.ts'
import { LINK_PROTOCOL } from '../../../src/protocol/limits.ts'
import type { Invariant } from '../invariant.ts'
import { countRecoveries } from '../sim-keys.ts'
import type { SimNode } from '../sim-node.ts'
import { reach } from '../reach.ts'
import type { World } from '../world.ts'

/** What the logs that a process has held of other nodes had in recoveries, at the most. */
const seen = new WeakMap<KithNode, Map<string, number>>()

const counted = new WeakMap<KnownKeys, number>()

const watched = new WeakSet<Pins>()

export const THIEF_INVARIANTS: readonly Invariant[] = [
  {
    title: 'a node has no link under a key that is out',
    always: (world) => {
      for (const sim of world.up) if (sim.node !== undefined) watchKeys(world, sim, sim.node)
    },
  },
  {
    title: 'whoever has seen a recovery goes back to no log from before it',
    always: (world) => {
      const { nodes, up } = world
      for (const { name, node } of up) {
        if (node === undefined) continue
        const before = seen.get(node) ?? new Map<string, number>()
        seen.set(node, before)
        for (const { id, name: of } of nodes) {
          const known = node.pins.keysOf(id)
          if (known === undefined) continue
          const count = recoveriesIn(world, known)
          assert.ok(count >= (before.get(id) ?? 0), `${name} undoes a recovery of ${of}`)
          before.set(id, count)
        }
      }
    },
  },
  {
    title: 'a bye of a thief holds no longer than his key',
    atRest: async (world) => {
      const { ledger } = world
      for (const { edits, key, to, victim } of ledger.stolenByes) {
        const again = ledger.edits(to, victim) + ledger.edits(victim, to) > edits
        const known = to.node?.pins.byId(victim.id)?.key
        // He may have said another one since, under the key that is known now.
        const last = ledger.stolenByes.findLast((bye) => bye.to === to && bye.victim === victim)
        if (again || known === key || known === last?.key) continue
        world.tally('bye of a thief that is over')
        const held = to.node?.byes.since(victim.id) !== undefined
        assert.ok(!held, `${to.name} believes a thief that ${victim.name} has unpinned it`)
      }
    },
  },
  {
    title: 'a node that its owner has taken back, and that is reached, is followed by all',
    atRest: async ({ nodes }) => {
      for (const a of nodes) {
        for (const b of nodes) if (a !== b && reach(a, b)) assertFollows(a, b)
      }
    },
  },
]

/** What keeps thieves from being out of the game, once all owners know of them. */
export function theftUnrest({ nodes, thieves }: World): string | undefined {
  for (const { answered, hasWritten, name, victim } of thieves) {
    if (hasWritten && !answered && !victim.keys.retired) return `nobody answers ${name}`
  }
  for (const a of nodes) {
    for (const b of nodes) {
      if (a === b || !reach(a, b)) continue
      const { key, frozen } = a.node?.pins.byId(b.id) ?? {}
      if (frozen === true) return `${a.name} holds ${b.name} frozen`
      if (key !== b.keys.identity.key) return `${a.name} knows another key of ${b.name}`
    }
  }
  return undefined
}

function assertFollows(a: SimNode, b: SimNode): void {
  const held = a.node?.pins.keysOf(b.id)?.held
  assert.ok(held !== undefined, `${a.name} has no key log of ${b.name}`)
  assert.ok(held.conflict === undefined, `${a.name} holds ${b.name} frozen`)
  assert.ok(isSameLog(held.events, b.keys.identity.log), `${a.name} follows a thief of ${b.name}`)
}

/** Looks, each time that pins or keys have changed, at the links of keys that are out since. */
function watchKeys(world: World, { name }: SimNode, { links, pins }: KithNode): void {
  if (watched.has(pins)) return
  watched.add(pins)
  let before = keysIn(pins)
  pins.onChange(() => {
    for (const key of before) {
      if (pins.byKey(key) !== undefined || links.lingers(key)) continue
      if (!world.network.speaks(name, key, LINK_PROTOCOL)) continue
      const whose = world.holderOf(key)?.name ?? 'a thief'
      world.fail(new Error(`${name} keeps a link under a key of ${whose} that is out`))
    }
    before = keysIn(pins)
  })
}

function keysIn(pins: Pins): string[] {
  return pins.peers().flatMap(({ id, key }) => {
    const superseded = id === undefined ? undefined : pins.keysOf(id)?.superseded?.key
    return [key, superseded].filter((each) => each !== undefined)
  })
}

/** Cheap, since what is known never changes: something else takes its place. */
function recoveriesIn(world: World, known: KnownKeys): number {
  const before = counted.get(known)
  if (before !== undefined) return before
  const { frozen, held, key = '' } = known
  if (frozen) world.tally('a node is frozen')
  if (world.thieves.some(({ made }) => made.has(key))) world.tally('a thief is followed')
  const count = countRecoveries(held.events)
  counted.set(known, count)
  return count
}
