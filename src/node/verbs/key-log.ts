import { emptyCall } from '../../protocol/verbs.ts'
import { defineVerb } from './verb.ts'
import type { AnyVerb } from './verb.ts'

/** `key.log`: our own key log, for any pinned peer. */
export function keyLogVerb(ownLog: () => Uint8Array[]): AnyVerb {
  return defineVerb({
    name: 'key.log',
    body: emptyCall,
    whenFrozen: true,
    run: () => ({ log: ownLog() }),
  })
}
