import { keyRequestCall } from '../../protocol/verbs.ts'
import type { RotationRequests } from '../rotation-requests.ts'
import { defineVerb } from './verb.ts'
import type { AnyVerb } from './verb.ts'

/** `key.request`: the caller wants its next key endorsed by the rotation key that is kept here. A person decides. */
export function keyRequestVerb({
  requests,
}: {
  requests: Pick<RotationRequests, 'take'>
}): AnyVerb {
  return defineVerb({
    name: 'key.request',
    body: keyRequestCall,
    run: async ({ body: { request }, peer }) => {
      const endorsed = await requests.take(peer, request)
      if (endorsed === undefined) return { state: 'waiting' }
      return { state: 'endorsed', bytes: endorsed.bytes, signature: endorsed.signature }
    },
  })
}
