import { OWNER_NAME } from './ports.ts'
import type { Asker, NodeFacts } from './ports.ts'

/** True if the owner of this node asks. The name alone is not enough: a peer that was ever named `self` is none. */
export function isOwner(asker: Asker, facts: Pick<NodeFacts, 'describe'>): boolean {
  return asker.name === OWNER_NAME && asker.id === facts.describe().id
}
