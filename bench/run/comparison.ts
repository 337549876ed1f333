import { Pair } from './pair.ts'
import type { Plan } from './plan.ts'
import type { Outcome } from './report.ts'
import { measureRound } from './round.ts'
import { Samples } from './samples.ts'
import { rotated } from './statistics.ts'

/** Several contenders measured in turns, so that a slow minute of the machine is slow for all. */
export class Comparison {
  readonly #outcomes = new Map<string, Outcome>()
  readonly #pairs = new Map<string, Pair>()

  /** Starts the processes of every contender in `names`, each with a folder under `dir`. */
  async start(names: readonly string[], dir: string): Promise<void> {
    for (const contender of names) {
      // Set first of all: the order of the outcomes is that of the table.
      this.#outcomes.set(contender, { status: 'measured', samples: new Samples() })
      try {
        const pair = await Pair.start({ contender, dir, clients: 1 })
        if (pair instanceof Pair) this.#pairs.set(contender, pair)
        else this.#leaveOut(contender, 'skipped', pair.lacks)
      } catch (err) {
        this.#leaveOut(contender, 'failed', String(err))
      }
    }
  }

  /** Measures what `plan` says, and less when the time is up. One that fails is left out. */
  async measure(plan: Plan): Promise<ReadonlyMap<string, Outcome>> {
    const endAt = performance.now() + plan.limitMs
    for (let round = 0; round < plan.rounds; round++) {
      console.error(`round ${round + 1} of ${plan.rounds}`)
      for (const [contender, pair] of rotated([...this.#pairs], round)) {
        if (performance.now() < endAt) await this.#takeTurn(contender, pair, plan)
        else console.error(`OUT OF TIME: no round ${round + 1} of ${contender}`)
      }
    }
    return this.#outcomes
  }

  /** Resolves once no process of ours runs any more. */
  async stop(): Promise<void> {
    await Promise.all([...this.#pairs.values()].map((pair) => pair.stop()))
    this.#pairs.clear()
  }

  async #takeTurn(contender: string, pair: Pair, plan: Plan): Promise<void> {
    const outcome = this.#outcomes.get(contender)
    if (outcome?.status !== 'measured') return
    try {
      await measureRound(pair, plan, outcome.samples)
    } catch (err) {
      this.#leaveOut(contender, 'failed', String(err))
      this.#pairs.delete(contender)
      await pair.stop()
    }
  }

  #leaveOut(contender: string, status: 'skipped' | 'failed', reason: string): void {
    this.#outcomes.set(contender, { status, reason })
    console.error(`${status.toUpperCase()} ${contender}: ${reason}`)
  }
}
