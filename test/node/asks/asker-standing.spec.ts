import assert from 'node:assert/strict'
import { askerStanding } from '../../../src/node/asks/asker-standing.ts'
import type { AskerInfo, AskerStanding } from '../../../src/node/asks/handle.ts'
import type { KnownPeer } from '../../../src/node/pins.ts'
import { askerPeer } from '../../helpers/ask-calls.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'

const clock = new ManualClock()
const { grant } = { grant: askerPeer('x', {}).pin.ask }
const owner: AskerInfo = { name: 'self', id: 'kith1own', grant: { ...grant, preset: 'full' } }

function standing(peer: KnownPeer | undefined, id = peer?.id ?? ''): AskerStanding | undefined {
  return askerStanding({ clock, owner, pins: { byId: () => peer } }, id)
}

describe('standing of an asker', () => {
  it('is that of the owner for our own id, whoever is pinned', () => {
    assert.deepEqual(standing(undefined, owner.id), { asker: owner, deniedBy: undefined })
  })

  it('is none for a node that is not pinned', () => {
    assert.equal(standing(undefined, 'kith1nas'), undefined)
  })

  it('is what its pin says, and by which rule it may not ask', () => {
    const nas = askerPeer('nas', {}, { allow: ['ask'] })
    assert.equal(standing(nas)?.deniedBy, undefined)
    assert.equal(standing(nas)?.asker.name, 'nas')
    assert.equal(standing(askerPeer('nas', {}, { allow: [] }))?.deniedBy, 'allow')
    assert.equal(standing(askerPeer('nas', { untilAt: 0 }, { allow: ['ask'] }))?.deniedBy, 'until')
    assert.equal(standing({ ...nas, frozen: true })?.deniedBy, 'frozen')
  })
})
