import { rotationUnrest } from './invariants/headless.ts'
import { pairingUnrest } from './invariants/pairing.ts'
import { theftUnrest } from './invariants/thieves.ts'
import { reach } from './reach.ts'
import type { World } from './world.ts'

/** Why the mesh is not at rest, or undefined: also what keeps it from ever being so is found by this. */
export async function unrestOf(world: World): Promise<string | undefined> {
  return (
    workOf(world) ??
    partingOf(world) ??
    theftUnrest(world) ??
    rotationUnrest(world) ??
    (await pairingUnrest(world))
  )
}

function workOf({ nodes }: World): string | undefined {
  for (const { name, node } of nodes) {
    if (node === undefined) return `${name} is not up`
    if (node.asker.pending > 0) return `${name} waits for answers`
    const { queued, running } = node.answerer.counts
    if (queued + running > 0) return `${name} has asks to answer`
  }
  return undefined
}

function partingOf({ nodes }: World): string | undefined {
  for (const a of nodes) {
    for (const b of nodes) {
      if (a === b || !reach(a, b)) continue
      if (a.node?.links.get(b.id) === undefined) return `${a.name} has no link to ${b.name}`
    }
  }
  return undefined
}
