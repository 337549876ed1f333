import assert from 'node:assert/strict'
import type { Peer } from '../../src/node/pins.ts'
import type { Branch } from './key-branch.ts'
import { begin, recover, rotate } from './key-branch.ts'
import { keyOf, pinOf, testPins } from './test-pins.ts'
import type { TestPins } from './test-pins.ts'

export const GRACE_MS = 60_000

const first = begin('bert')
const graceSeconds = GRACE_MS / 1_000

/** What becomes of bert's key log: `second` by its owner or `stolen` by a thief, in one place, and a recovery of it. */
export const BERTS_LOGS = {
  first,
  second: rotate(first, 'second', { graceSeconds }),
  stolen: rotate(first, 'stolen', { graceSeconds }),
  recovered: recover(first, 'recovered'),
}

export const BERT = pinOf('bert', first)

/** The pin of bert in a test, each time asked for anew. */
export interface BertsPin {
  pins: () => TestPins
  /** Shows a log, and says what came of it. */
  take: (log: Branch) => Promise<string | undefined>
  peer: () => Peer | undefined
  /** How whoever holds the key of this branch stands. */
  standing: (branch: Branch) => string
}

/** Pins with that of bert, whose first key is known, for each test. Call it in `describe`. */
export function bertsPin(): BertsPin {
  const make = testPins()
  let test: TestPins
  const take: BertsPin['take'] = async ({ events }) => (await test.pins.take(events))?.kind
  beforeEach(async () => {
    test = await make(BERT)
    await take(first)
  })
  return {
    pins: () => test,
    take,
    peer: () => test.pins.byName('bert'),
    standing: (branch) => {
      const found = test.pins.byKey(keyOf(branch))
      if (found === undefined) return 'unknown'
      assert.equal(found.pin, BERT)
      return found.superseded === true ? 'superseded' : 'in force'
    },
  }
}
