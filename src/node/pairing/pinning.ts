import { validateKeyLog } from '../../protocol/key-log.ts'
import type { PairedPeer } from '../../protocol/pairing.ts'
import { peerIdOf } from '../../protocol/peer-id.ts'
import type { Alerts } from '../alerts.ts'
import type { Byes } from '../byes.ts'
import type { Peer, Pins } from '../pins.ts'

export interface PinningComponents {
  pins: Pick<Pins, 'byId' | 'byName' | 'edit' | 'peers' | 'take'>
  byes: Pick<Byes, 'forget'>
  alerts: Pick<Alerts, 'raise'>
}

/**
 * Pins the other node of a pairing with its key log, so that no first contact is needed, and resolves with its name
 * when that is on disk. A node that is pinned already keeps its name, and may do more at most. A crash in between is
 * made good by doing it again.
 *
 * @throws {KithError} as `Pins.edit` and `Pins.take`
 */
export async function pinPaired(
  { alerts, byes, pins }: PinningComponents,
  { addresses, allow, id, log, name }: PairedPeer,
): Promise<string> {
  const known = pins.byId(id) ?? pinnedByKey(pins, log)
  const pinnedAs = known?.pin.name ?? freeName(pins, name)
  // The file refuses what is there twice, and the other side may have sent it so.
  const distinct = [...new Set(addresses)]
  if (known === undefined) {
    const peer = { name: pinnedAs, id, addresses: distinct, allow, confirmed: 'link' as const }
    await pins.edit({ op: 'add', peer })
  } else {
    const { pin } = known
    const grants = allow.filter((grant) => !pin.allow.includes(grant))
    if (pin.id === undefined) await pins.edit({ op: 'set-id', name: pinnedAs, id })
    if (grants.length > 0) {
      await pins.edit({ op: 'allow', name: pinnedAs, grants })
      // The words that were compared were those of another pairing.
      if (pin.confirmed !== undefined) {
        await pins.edit({ op: 'confirm', name: pinnedAs, confirmed: 'link' })
      }
      alerts.raise({
        kind: 'peer-may-more',
        peer: pinnedAs,
        what: `${pinnedAs} has redeemed the invite for ${name}, and may now also: ${grants.join(', ')}`,
        hint: `if you did not mean that: kith peers deny ${pinnedAs} ${grants.join(' ')}`,
      })
    }
    if (pin.addresses.length === 0 && distinct.length > 0) {
      await pins.edit({ op: 'set-addresses', name: pinnedAs, addresses: distinct })
    }
  }
  await pins.take(log)
  // It has just pinned us, whatever it said before.
  byes.forget(id)
  return pinnedAs
}

/** The peer that is pinned by the key that this log has in force, and waits for its first contact. */
function pinnedByKey(
  pins: PinningComponents['pins'],
  log: readonly Uint8Array[],
): Peer | undefined {
  const { keyInForce } = validateKeyLog(log)
  const key = keyInForce === undefined ? undefined : peerIdOf(keyInForce)
  return pins.peers().find(({ pin }) => pin.key !== undefined && pin.key === key)
}

/** The name that was agreed on when the pairing began; with a number, if somebody else got it since. */
function freeName(pins: PinningComponents['pins'], name: string): string {
  for (let number = 2, free = name; ; number++) {
    if (pins.byName(free) === undefined) return free
    const suffix = `-${number}`
    free = `${name.slice(0, MAX_NAME_CHARS - suffix.length)}${suffix}`
  }
}

const MAX_NAME_CHARS = 64
