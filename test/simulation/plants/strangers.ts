import { Byes } from '../../../src/node/byes.ts'
import { Pins } from '../../../src/node/pins.ts'
import { swap } from '../plant.ts'
import type { Plant } from '../plant.ts'

export const STRANGER_PLANTS: readonly Plant[] = [
  {
    title: 'lobbies that answer whoever shows a key log',
    finding: /\w+ answers \w+, a stranger/,
    put: () =>
      swap(
        Pins.prototype,
        'meet',
        (meet) =>
          async function (this: Pins, shown, key) {
            const met = await meet.call(this, shown, key)
            return met.peer === undefined && met.instead === undefined ? { instead: shown } : met
          },
      ),
  },
  {
    title: 'nodes that have forgotten who has unpinned them once they start again',
    seed: 20,
    finding: /\w+ has forgotten that \w+ has unpinned it/,
    put: () => swap(Byes.prototype, 'start', () => () => Promise.resolve()),
  },
  {
    title: 'dialers that dial who has unpinned them',
    seed: 15,
    finding: /\w+ (knows|has forgotten) that \w+ has unpinned it/,
    put: () =>
      swap(
        Pins.prototype,
        'peers',
        (peers) =>
          function (this: Pins) {
            return peers.call(this).map((peer) => {
              const wanted = { ...peer }
              delete wanted.unpinnedUsAt
              return wanted
            })
          },
      ),
  },
]
