import { OWNER_NAME } from '../../agent/ports.ts'
import { isNodeId } from '../../protocol/node-id.ts'
import { unknownPeer } from '../asks/ask-desk.ts'
import type { Pins } from '../pins.ts'

/** Where the names of askers come from. */
export interface AskerNames {
  self: { readonly id: string }
  pins: Pick<Pins, 'byId' | 'byName'>
}

/** Our name for an asker: `self` for the owner, and its node id for one that is no longer pinned. */
export function askerName({ pins, self }: AskerNames, id: string): string {
  return id === self.id ? OWNER_NAME : (pins.byId(id)?.pin.name ?? id)
}

/** The node id behind such a name. @throws {KithError} `unknown-peer`, also for one that was never met */
export function askerId({ pins, self }: AskerNames, name: string): string {
  if (name === OWNER_NAME) return self.id
  const id = pins.byName(name)?.id ?? (isNodeId(name) ? name : undefined)
  if (id === undefined) throw unknownPeer(name)
  return id
}
