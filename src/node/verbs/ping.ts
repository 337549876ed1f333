import { LINK_VERSION_MAX, LINK_VERSION_MIN } from '../../protocol/limits.ts'
import { MAX_PING_BYTES, pingCall } from '../../protocol/verbs.ts'
import { defineVerb } from './verb.ts'
import type { AnyVerb } from './verb.ts'

const PADDING = new Uint8Array(MAX_PING_BYTES)

/** `ping`: the nonce back, padded as wanted, with our clock, version and uptime. */
export function pingVerb(init: { software: string; startedAt: number }): AnyVerb {
  return defineVerb({
    name: 'ping',
    body: pingCall,
    whenFrozen: true,
    run: ({ body, now }) => ({
      at: now,
      ...(body.size === undefined ? {} : { pad: PADDING.subarray(0, body.size) }),
      nonce: body.nonce,
      software: init.software,
      uptimeMs: now - init.startedAt,
      versions: [LINK_VERSION_MIN, LINK_VERSION_MAX],
    }),
  })
}
