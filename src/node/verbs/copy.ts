import { peerCopyCall } from '../../protocol/verbs.ts'
import type { Copies } from '../copies.ts'
import { defineVerb } from './verb.ts'
import type { AnyVerb } from './verb.ts'

/** `peer.copy`: the caller has met us with another epoch than the one we told it. */
export function copyVerb({ copies }: { copies: Pick<Copies, 'told'> }): AnyVerb {
  return defineVerb({
    name: 'peer.copy',
    body: peerCopyCall,
    whenFrozen: true,
    run: ({ peer, body }) => {
      copies.told(peer, body.epoch)
      return {}
    },
  })
}
