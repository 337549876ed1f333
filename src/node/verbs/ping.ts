import { LINK_VERSION_MAX, LINK_VERSION_MIN } from '../../protocol/limits.ts'
import { pingCall } from '../../protocol/verbs.ts'
import { defineVerb } from './verb.ts'
import type { AnyVerb } from './verb.ts'

/** `ping`: the nonce back, with our clock, version and uptime. */
export function pingVerb(init: { software: string; startedAt: number }): AnyVerb {
  return defineVerb({
    name: 'ping',
    body: pingCall,
    whenFrozen: true,
    run: ({ body, now }) => ({
      at: now,
      nonce: body.nonce,
      software: init.software,
      uptimeMs: now - init.startedAt,
      versions: [LINK_VERSION_MIN, LINK_VERSION_MAX],
    }),
  })
}
