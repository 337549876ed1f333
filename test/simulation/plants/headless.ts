import { KeyDesk } from '../../../src/node/keys/key-desk.ts'
import { RotationRequests } from '../../../src/node/rotation-requests.ts'
import { swap } from '../plant.ts'
import type { Plant } from '../plant.ts'

export const HEADLESS_PLANTS: readonly Plant[] = [
  {
    title: 'a keeper that hands out the key that it keeps',
    seed: 7,
    finding: /\w+ sends a secret/,
    put: ({ keepers }) =>
      swap(
        RotationRequests.prototype,
        'take',
        (take) =>
          async function (this: RotationRequests, peer, request) {
            const endorsed = await take.call(this, peer, request)
            const kept = [...keepers.values()].flatMap((keeper) => [...keeper.kept.seeds])
            return endorsed === undefined ? undefined : { ...endorsed, bytes: Buffer.concat(kept) }
          },
      ),
  },
  {
    title: 'nodes that do nothing with a rotation that was signed for them',
    seed: 7,
    finding: /no rest: \w+ waits for \w+ to sign its rotation/,
    put: () => swap(KeyDesk.prototype, 'complete', () => () => Promise.resolve()),
  },
]
