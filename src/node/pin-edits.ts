import type { Logger } from 'pino'
import { createBye } from '../protocol/bye.ts'
import type { PeerEdit } from '../store/peers-edit.ts'
import type { Byes } from './byes.ts'
import type { Clock } from './clock.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import type { Pins } from './pins.ts'
import type { Self } from './self.ts'
import type { Strangers } from './strangers.ts'

/** How long a bye may take, in ms. A link looks at its deadlines every 250 ms: a removal is done within 2 s. */
const BYE_TIMEOUT_MS = 1_500

export interface PinEditsComponents {
  byes: Pick<Byes, 'forget'>
  clock: Clock
  links: Pick<Links, 'get'>
  log: Logger
  pins: Pick<Pins, 'byName' | 'edit'>
  self: Pick<Self, 'id' | 'secret'>
  strangers: Pick<Strangers, 'assertNotBlocked'>
}

/**
 * Makes a change that the owner wants in peers.yaml. A peer that is removed hears of it if it is linked; that it does
 * not holds up nothing.
 *
 * @throws {KithError} `blocked`, or as `Pins.edit`
 */
export async function editPins(components: PinEditsComponents, edit: PeerEdit): Promise<void> {
  const { byes, links, pins, strangers } = components
  if (edit.op === 'add') {
    strangers.assertNotBlocked(edit.peer.id ?? edit.peer.key ?? '')
    await pins.edit(edit)
    return
  }
  const id = pins.byName(edit.name)?.id
  const link = edit.op === 'remove' && id !== undefined ? links.get(id) : undefined
  if (link !== undefined) await sayBye(components, link)
  try {
    await pins.edit(edit)
  } catch (err) {
    // It stays pinned, and has heard otherwise: a new link tells it so.
    link?.abort(new Error('not removed after all'))
    throw err
  }
  // Whoever says where a peer is dialled wants it dialled, also where nothing has changed.
  if (edit.op === 'set-addresses' && id !== undefined) byes.forget(id)
}

/** Tells the peer that we unpin it. Never rejects. */
async function sayBye({ clock, log, self }: PinEditsComponents, link: Link): Promise<void> {
  // Not before our hello on this link, even if the clock was set back since: it would pass for an old one.
  const at = Math.max(clock.now(), link.openedAt)
  try {
    const bye = createBye({ from: self.id, to: link.peer.id, at, seed: self.secret })
    await link.call('peer.bye', { bye }, { deadlineMs: BYE_TIMEOUT_MS })
  } catch (err) {
    log.debug({ peer: link.peer.id, err }, 'bye not heard')
  }
}
