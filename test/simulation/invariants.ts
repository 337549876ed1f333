import type { Invariant } from './invariant.ts'
import { ASK_INVARIANTS } from './invariants/asks.ts'
import { HEADLESS_INVARIANTS } from './invariants/headless.ts'
import { KEY_INVARIANTS } from './invariants/keys.ts'
import { PAIRING_INVARIANTS } from './invariants/pairing.ts'
import { STRANGER_INVARIANTS } from './invariants/strangers.ts'
import { THIEF_INVARIANTS } from './invariants/thieves.ts'

/** All that has to hold. */
export const INVARIANTS: readonly Invariant[] = [
  ...KEY_INVARIANTS,
  ...ASK_INVARIANTS,
  ...PAIRING_INVARIANTS,
  ...STRANGER_INVARIANTS,
  ...HEADLESS_INVARIANTS,
  ...THIEF_INVARIANTS,
]
