import { readBye } from '../../protocol/bye.ts'
import { KithError } from '../../protocol/errors.ts'
import { peerIdOf } from '../../protocol/peer-id.ts'
import { peerByeCall } from '../../protocol/verbs.ts'
import type { Byes } from '../byes.ts'
import type { Links } from '../links.ts'
import type { Pins } from '../pins.ts'
import type { Self } from '../self.ts'
import { defineVerb } from './verb.ts'
import type { AnyVerb } from './verb.ts'

export interface ByeVerbComponents {
  byes: Pick<Byes, 'lastSaidAt' | 'since' | 'take'>
  links: Pick<Links, 'get'>
  pins: Pick<Pins, 'keysOf'>
  self: Pick<Self, 'id'>
}

/** `peer.bye`: the caller has unpinned us. Kept as its signed word, so only the key that is in force can say it. */
export function byeVerb({ byes, links, pins, self }: ByeVerbComponents): AnyVerb {
  return defineVerb({
    name: 'peer.bye',
    body: peerByeCall,
    whenFrozen: true,
    withOldKey: true,
    run: async ({ peer, body }) => {
      const key = pins.keysOf(peer.id)?.state.keyInForce
      if (key === undefined) throw nothing('its node has retired')
      const { at, from, to } = read(body.bye, key)
      if (from !== peer.id || to !== self.id) throw nothing('it is of or for another node')
      const signer = peerIdOf(key)
      if (byes.since(peer.id) !== undefined) return {}
      // All three times are of the caller's own clock, whatever ours says. A bye from before it pinned us again is
      // older than its hello on this link; if its clock was set back since, it is no newer than the last bye of its key.
      const helloAt = links.get(peer.id)?.hello?.at ?? Infinity
      const lastAt = byes.lastSaidAt(peer.id, signer) ?? -1
      if (at < helloAt || at <= lastAt) throw nothing('it is an old one')
      await byes.take(peer, { at, key: signer })
      return {}
    },
  })
}

function read(bye: Uint8Array, key: Uint8Array): ReturnType<typeof readBye> {
  try {
    return readBye(bye, key)
  } catch (err) {
    throw nothing('its sender has not signed it', err)
  }
}

function nothing(why: string, cause?: unknown): KithError<'bad-request'> {
  return new KithError('bad-request', `the bye is nothing: ${why}`, { what: 'bye' }, { cause })
}
