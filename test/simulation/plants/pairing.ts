import { Alerts } from '../../../src/node/alerts.ts'
import { JoinVisits } from '../../../src/node/pairing/join-visits.ts'
import { Joiner } from '../../../src/node/pairing/joiner.ts'
import { Pins } from '../../../src/node/pins.ts'
import { swap } from '../plant.ts'
import type { Plant } from '../plant.ts'

export const PAIRING_PLANTS: readonly Plant[] = [
  {
    title: 'nodes that are paired, and of which only some pin the other',
    finding: /half a pairing/,
    put: () =>
      swap(
        Pins.prototype,
        'edit',
        (edit) =>
          async function (this: Pins, change) {
            const paired = change.op === 'add' && change.peer.confirmed === 'link'
            const first = paired && change.peer.addresses?.[0]?.includes('.1/') === true
            if (!first) await edit.call(this, change)
          },
      ),
  },
  {
    title: 'joiners whose visits come to nothing',
    seed: 36,
    finding: /no rest: \w+ has not joined \w+/,
    put: () =>
      swap(JoinVisits.prototype, 'attempt', () => () => Promise.reject(new Error('no answer'))),
  },
  {
    title: 'joiners that give no pairing up',
    finding: /\w+ still tries \w+/,
    put: () =>
      swap(
        Joiner.prototype,
        'list',
        (list) =>
          function (this: Joiner) {
            return list
              .call(this)
              .map((join) => (join.state === 'over' ? { ...join, state: 'trying' } : join))
          },
      ),
  },
  {
    title: 'inviters that tell nobody of a link that is used twice',
    seed: 38,
    finding: /does not know that \w+ has a link that is used/,
    put: () =>
      swap(
        Alerts.prototype,
        'raise',
        (raise) =>
          function (this: Alerts, alert) {
            if (alert.kind !== 'invite-reused') raise.call(this, alert)
          },
      ),
  },
]
