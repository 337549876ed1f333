import { AskStore } from '../../../src/node/asks/ask-store.ts'
import { finalState } from '../../../src/protocol/ask.ts'
import { swap } from '../plant.ts'
import type { Plant } from '../plant.ts'

export const ASK_PLANTS: readonly Plant[] = [
  {
    title: 'disks that lose what they have synced',
    seed: 3,
    finding: /runs \S+ twice|is lost|has no final|two finals|has another|has forgotten/,
    put: ({ nodes }) => {
      for (const { disk } of nodes) disk.lies = true
      return () => undefined
    },
  },
  {
    title: 'answerers whose claim is not on disk before they run',
    finding: /runs \S+ twice/,
    put: () =>
      swap(
        AskStore.prototype,
        'create',
        (create) =>
          async function (this: AskStore, record, call) {
            const claimed = record.state === 'claimed'
            await create.call(this, claimed ? { ...record, state: 'queued' } : record, call)
          },
      ),
  },
  {
    title: 'answerers that have not claimed what has waited for its turn',
    seed: 27,
    finding: /runs \S+ twice/,
    put: () =>
      swap(AskStore.prototype, 'advance', () => async (record, state) => ({ ...record, state })),
  },
  {
    title: 'answerers that know no duplicate once it has ended',
    finding: /runs \S+ twice|no ask \S+ of this asker|is lost/,
    put: () =>
      swap(
        AskStore.prototype,
        'get',
        (get) =>
          function (this: AskStore, direction, peer, ask) {
            return direction === 'in' ? undefined : get.call(this, direction, peer, ask)
          },
      ),
  },
  {
    title: 'askers that do not store what they were told',
    finding: /has no final|no rest/,
    put: () =>
      swap(
        AskStore.prototype,
        'finish',
        (finish) =>
          async function (this: AskStore, record, final) {
            if (record.direction === 'in') return await finish.call(this, record, final)
            return { ...record, final, state: finalState(final, record.state) }
          },
      ),
  },
]
