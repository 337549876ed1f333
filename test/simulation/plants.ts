import type { Plant } from './plant.ts'
import { ASK_PLANTS } from './plants/asks.ts'
import { HEADLESS_PLANTS } from './plants/headless.ts'
import { KEY_PLANTS } from './plants/keys.ts'
import { THIEF_PLANTS } from './plants/thieves.ts'
import { PAIRING_PLANTS } from './plants/pairing.ts'
import { STRANGER_PLANTS } from './plants/strangers.ts'

/** One for each thing that has to hold. */
export const PLANTS: readonly Plant[] = [
  ...ASK_PLANTS,
  ...KEY_PLANTS,
  ...THIEF_PLANTS,
  ...PAIRING_PLANTS,
  ...STRANGER_PLANTS,
  ...HEADLESS_PLANTS,
  {
    title: 'whoever reads the clock of this machine',
    finding: /Date\.now was used/,
    put: ({ scheduler }) => {
      scheduler.after(100, () => Date.now())
      return () => undefined
    },
  },
]
