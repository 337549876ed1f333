import { AskStore } from '../../src/node/asks/ask-store.ts'
import { Lobby } from '../../src/node/lobby.ts'
import { finalState } from '../../src/protocol/ask.ts'
import type { World } from './world.ts'

/** A fault that is put in on purpose, to see that it is found. */
export interface Plant {
  title: string
  /** What is said when it is found. */
  finding: RegExp
  /** Puts it in, and returns what takes it out again. */
  put(world: World): () => void
}

export const PLANTS: readonly Plant[] = [
  {
    title: 'disks that lose what they have synced',
    finding: /runs \S+ twice|is lost|has no final|two finals|has another/,
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
    finding: /runs \S+ twice/,
    put: () =>
      swap(AskStore.prototype, 'advance', () => async (record, state) => ({ ...record, state })),
  },
  {
    title: 'answerers that know no duplicate once it has ended',
    finding: /runs \S+ twice|no ask \S+ of this asker/,
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
  {
    title: 'lobbies that let nobody in',
    finding: /no rest: \w+ has no link to \w+/,
    put: () => swap(Lobby.prototype, 'admit', () => () => false),
  },
  {
    title: 'a thief of a key in use and its rotation key',
    finding: /\w+ takes \S+ for \w+/,
    put: ({ nodes, scheduler }) => {
      const [victim, ...peers] = nodes
      if (victim === undefined) throw new TypeError('nobody is there')
      const knock = (): void => {
        for (const { node } of peers) void node?.pins.take(victim.keys.stolenRotation())
        scheduler.after(1_000, knock)
      }
      knock()
      return () => undefined
    },
  },
  {
    title: 'whoever reads the clock of this machine',
    finding: /Date\.now was used/,
    put: ({ scheduler }) => {
      scheduler.after(100, () => Date.now())
      return () => undefined
    },
  },
]

/** Puts what `make` makes of a member in its place; returns what puts it back. */
function swap<T, K extends keyof T>(object: T, key: K, make: (before: T[K]) => T[K]): () => void {
  const before = object[key]
  object[key] = make(before)
  return () => {
    object[key] = before
  }
}
