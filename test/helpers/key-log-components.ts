import type { KeyLogVerbsComponents } from '../../src/node/verbs/key-log.ts'
import { seedOf } from './stub-pins.ts'

/** What the verbs of key logs need of a node with this log of its own, that has pinned nobody. */
export function keyLogComponents(events: Uint8Array[]): KeyLogVerbsComponents {
  return {
    pins: { keysOf: () => undefined, take: async () => undefined },
    self: { id: 'kith1node', events, secret: seedOf('node'), observe: () => undefined },
  }
}
