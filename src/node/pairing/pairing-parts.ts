import type { Logger } from 'pino'
import type { PairingContext } from '../../protocol/pairing.ts'
import { PAIRING_NONCE_BYTES } from '../../protocol/pairing-messages.ts'
import { sign } from '../../protocol/signed.ts'
import type { Database } from '../../store/database.ts'
import type { Alerts } from '../alerts.ts'
import type { Byes } from '../byes.ts'
import type { Clock } from '../clock.ts'
import type { KeyLogs } from '../key-logs.ts'
import type { Links } from '../links.ts'
import type { Mesh } from '../mesh.ts'
import type { Pins } from '../pins.ts'
import type { Self } from '../self.ts'
import type { Strangers } from '../strangers.ts'

/** What both sides of a pairing need of the node. */
export interface PairingParts {
  alerts: Pick<Alerts, 'raise'>
  byes: Pick<Byes, 'forget'>
  clock: Clock
  database: Database
  keyLogs: Pick<KeyLogs, 'get'>
  links: Pick<Links, 'get' | 'onChange'>
  log: Logger
  mesh: Pick<Mesh, 'talkAt'>
  pins: Pick<Pins, 'byId' | 'byName' | 'edit' | 'peers' | 'take'>
  random: () => number
  randomBytes: (count: number) => Uint8Array
  self: Pick<Self, 'events' | 'id' | 'key' | 'secret' | 'state'>
  strangers: Pick<Strangers, 'assertNotBlocked' | 'blocks'>
}

export interface PairingInit {
  /** Where others can dial this node. */
  addresses: () => string[]
  /** What it would like to be called. */
  name: string | undefined
  /** False when the configuration keeps the lobby shut, so that nobody could redeem an invite. */
  lobby: boolean
}

/**
 * Records of pairings are kept so long after the invite's expiry: 30 days. A joiner tries to come to an end for the
 * first 7 of them, and a link that turns up later still raises an alert.
 */
export const PAIRING_KEPT_MS = 30 * 86_400_000

/** Records that are too old are looked for so often. */
export const PAIRING_SWEEP_MS = 3_600_000

/** Invites, and pairings with invites of others, that are kept at once. */
export const MAX_PAIRINGS = 256

/** What a step of a pairing takes from outside, on a connection to the holder of `remotePeerId`. */
export function pairingContext(
  { clock, keyLogs, randomBytes, self }: PairingParts,
  remotePeerId: string,
): PairingContext {
  return {
    now: clock.now(),
    ownId: self.id,
    ownLog: self.events,
    ownPeerId: self.key,
    remotePeerId,
    nonce: randomBytes(PAIRING_NONCE_BYTES),
    // Also what is held of a node that is not pinned any more.
    heldLog: (id) => keyLogs.get(id)?.held,
    sign: (kind, bytes) => sign(kind, bytes, self.secret),
  }
}

/** How an invite is called in commands, files and logs. */
export function inviteKey(invite: Uint8Array): string {
  return Buffer.from(invite).toString('hex')
}
