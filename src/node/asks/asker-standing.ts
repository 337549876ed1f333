import { decideGrant } from '../../protocol/grant.ts'
import type { Clock } from '../clock.ts'
import type { Pins } from '../pins.ts'
import { askerOf } from '../verbs/ask.ts'
import type { AskerInfo, AskerStanding } from './handle.ts'

/** How the node with this id stands as an asker, `owner` or a peer; undefined when it is neither. */
export function askerStanding(
  { clock, owner, pins }: { clock: Clock; owner: AskerInfo; pins: Pick<Pins, 'byId'> },
  id: string,
): AskerStanding | undefined {
  if (id === owner.id) return { asker: owner, deniedBy: undefined }
  const peer = pins.byId(id)
  if (peer === undefined) return undefined
  const { pin } = peer
  if (peer.frozen) return { asker: askerOf({ pin, id }), deniedBy: 'frozen' }
  // How far it came was decided when it came; its own asker is always within the depth.
  const grant = decideGrant(pin, 'ask', { now: clock.now(), chainLength: 1 })
  return { asker: askerOf({ pin, id }), deniedBy: grant.allowed ? undefined : grant.rule }
}
