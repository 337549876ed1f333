import assert from 'node:assert/strict'
import { askerDayOf } from '../../../src/node/agent/asker-day.ts'
import type { Peer } from '../../../src/node/pins.ts'
import type { AskGrant } from '../../../src/protocol/pin.ts'
import { askerPeer, idOf } from '../../helpers/ask-calls.ts'

describe('the cap of an asker’s day', () => {
  const rows: [grant: Partial<AskGrant>, cap: object][] = [
    [{}, {}],
    [{ dailyUsd: 1.5 }, { microUsd: 1_500_000 }],
    [{ dailyTokens: 200 }, { tokens: 200 }],
    [
      { dailyUsd: 0, dailyTokens: 0 },
      { microUsd: 0, tokens: 0 },
    ],
  ]
  for (const [grant, cap] of rows) {
    it(`is ${JSON.stringify(cap)} by a grant of ${JSON.stringify(grant)}`, () => {
      const byId = (id: string): Peer | undefined =>
        id === idOf('bob') ? askerPeer('bob', grant) : undefined
      assert.deepEqual(askerDayOf({ byId }, idOf('own'))(idOf('bob')), cap)
    })
  }

  it('is none for the owner, and nothing for a peer that is not pinned', () => {
    const askerDay = askerDayOf({ byId: () => undefined }, idOf('own'))
    assert.deepEqual(askerDay(idOf('own')), {})
    assert.deepEqual(askerDay(idOf('bob')), { microUsd: 0, tokens: 0 })
  })
})
