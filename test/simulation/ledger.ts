import type { EngineAsk } from '../../src/agent/ports.ts'
import type { AskFinal } from '../../src/protocol/verbs.ts'
import type { Script } from './sim-engine.ts'
import type { SimNode } from './sim-node.ts'

/** An ask that an owner made, and what he was told of it. */
export interface SentAsk {
  id: string
  asker: SimNode
  /** Where it goes: the asker itself, too. */
  to: SimNode
  script: Script
  timeoutMs: number
  /** His node said that it has it. */
  acknowledged: boolean
  /** The final that he was shown first, as long as his node may not have lost it. */
  final: AskFinal | undefined
}

/** What was promised, and what was done, as nobody in the mesh could know it. */
export class Ledger {
  readonly sent: SentAsk[] = []
  readonly #runs = new Map<string, number>()

  /** Notes that an ask begins to run, and returns for which time. */
  noteRun(answerer: SimNode, { asker, id }: Pick<EngineAsk, 'asker' | 'id'>): number {
    const key = `${answerer.name} ${asker.id} ${id}`
    const runs = (this.#runs.get(key) ?? 0) + 1
    this.#runs.set(key, runs)
    return runs
  }

  /** How often an ask ran. */
  runsOf({ asker, id, to }: SentAsk): number {
    return this.#runs.get(`${to.name} ${asker.id} ${id}`) ?? 0
  }

  /** A node lost its power: finals that it was sent may be gone, and come again. */
  forgetFinals(asker: SimNode): void {
    for (const ask of this.sent) if (ask.asker === asker) ask.final = undefined
  }
}
