import { settle } from '../../../src/node/control/handlers/settle.ts'
import { readSignedEvent } from '../../../src/protocol/key-event.ts'
import { sha256 } from '../../../src/protocol/sha256.ts'
import type { SimNode } from '../sim-node.ts'
import type { World } from '../world.ts'
import { recover } from './recovery.ts'

/** Those come back who have retired, and those recover who were robbed of more than the key in use, and know it by now. */
export function answerThieves({ nodes, thieves }: World): void {
  for (const sim of nodes) {
    if (!sim.keys.retired || !sim.down) continue
    sim.note('comes back')
    sim.keys.recover(sim.now)
    sim.start()
  }
  for (const { answered, hasWritten, victim } of thieves) {
    if (hasWritten && !answered && !victim.keys.retired) recover(victim)
  }
}

/** Owners ask each other which of two branches is theirs, and keep that one. */
export function settleFrozen(world: World): void {
  const { nodes, up } = world
  for (const sim of up) {
    for (const victim of nodes) {
      const known = sim.node?.pins.keysOf(victim.id)
      const head = known?.frozen === true ? headOfOwn(known.held, victim) : undefined
      if (head === undefined) continue
      world.tally('settled by hand')
      sim.note(`settles for ${victim.name}'s own branch`)
      const settlement = { id: victim.id, peer: victim.name, hash: head.toString('hex') }
      sim.owner(['not-frozen'], (node) => settle(node, settlement))
    }
  }
}

/** Hash of the last event of the branch that the victim's own log goes on from. */
function headOfOwn(
  { conflict = [], events }: { events: readonly Uint8Array[]; conflict?: readonly Uint8Array[] },
  { keys }: SimNode,
): Buffer | undefined {
  const fork = conflict[0] === undefined ? events.length : readSignedEvent(conflict[0]).event.sn
  const branches = [events, [...events.slice(0, fork), ...conflict]]
  const own = keys.identity.log.map(contentOf)
  const branch = branches.find((each) =>
    each.every((event, sn) => own[sn] !== undefined && contentOf(event).equals(own[sn])),
  )
  const last = branch?.at(-1)
  return last === undefined ? undefined : Buffer.from(sha256(readSignedEvent(last).bytes))
}

function contentOf(event: Uint8Array): Buffer {
  return Buffer.from(readSignedEvent(event).bytes)
}
