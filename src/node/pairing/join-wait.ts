import { backoffMs } from '../../protocol/backoff.ts'
import type { Links } from '../links.ts'
import type { Pins } from '../pins.ts'

export interface JoinWaitComponents {
  links: Pick<Links, 'get'>
  pins: Pick<Pins, 'byId'>
  random: () => number
}

/** A lobby lets one address in once a minute, so that there is no use in trying more often for long. */
const RETRY = { baseMs: 1_000, maxMs: 60_000 }

/**
 * At a peer to which there is no link, up to the 10 min of the dialer. The peer may not know our key, and then our dialer
 * needs that one visit: an invite that is of no more use must not take it each time.
 */
const RETRY_BESIDE_DIALER = { baseMs: 60_000 }

/** How long a joiner waits after so many failed attempts at the node with this id, in ms. */
export function joinWaitMs(
  { links, pins, random }: JoinWaitComponents,
  inviter: string,
  failures: number,
): number {
  const besideDialer = pins.byId(inviter) !== undefined && links.get(inviter) === undefined
  return backoffMs(failures, random(), besideDialer ? RETRY_BESIDE_DIALER : RETRY)
}
