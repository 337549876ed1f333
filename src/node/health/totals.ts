import type { AskStore } from '../asks/ask-store.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'

type Count = [labels: Record<string, string>, count: number]

export interface TotalsComponents {
  store: Pick<AskStore, 'totals'>
  scheduler: Pick<Scheduler, 'onEnd'>
}

/** What has happened since the start of this process, by its kind. */
export class Totals {
  readonly #store: Pick<AskStore, 'totals'>
  readonly #runEnds = new Map<string, number>()

  constructor(components: TotalsComponents) {
    this.#store = components.store
    components.scheduler.onEnd(({ state }) => {
      this.#runEnds.set(state, (this.#runEnds.get(state) ?? 0) + 1)
    })
  }

  /** Asks of each direction. */
  asks(): Count[] {
    const { begun } = this.#store.totals
    return [
      [{ direction: 'in' }, begun.in],
      [{ direction: 'out' }, begun.out],
    ]
  }

  /** Asks that came to an end, by direction and by how they ended. */
  askEnds(): Count[] {
    return Array.from(this.#store.totals.ended, ([key, count]): Count => {
      const [direction = '', state = ''] = key.split(' ')
      return [{ direction, state }, count]
    })
  }

  /** Runs that came to an end, by how they ended. */
  runEnds(): Count[] {
    return Array.from(this.#runEnds, ([state, count]): Count => [{ state }, count])
  }
}
