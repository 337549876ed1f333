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

/** An invite that an owner made. */
export interface MadeInvite {
  inviter: SimNode
  /** As nodes call it in their lists. */
  key: string
  link: string
  /** Event of the inviter's key log that it was made at: a joiner takes no log without that. */
  madeAt: Uint8Array
  /** Who has the link, or one with another secret. */
  joins: { joiner: SimNode; secret: 'right' | 'wrong' }[]
  /** Whose owner did not want it any more: what the inviter had done by then stays so. */
  givenUpBy: Set<SimNode>
}

/** A node that unpinned another, which knew of it. */
export interface HeardBye {
  from: SimNode
  to: SimNode
  /** Key of `from` that signed it. */
  key: string
  /** How often the two owners had dealt with each other's nodes by then. */
  edits: number
}

/** A thief told a node that his victim has unpinned it, and was believed. */
export interface StolenBye {
  victim: SimNode
  to: SimNode
  /** Key that he signed it with. */
  key: string
  /** As in `HeardBye`. */
  edits: number
}

/** What was promised, and what was done, as nobody in the mesh could know it. */
export class Ledger {
  readonly sent: SentAsk[] = []
  readonly invites: MadeInvite[] = []
  readonly byes: HeardBye[] = []
  readonly stolenByes: StolenBye[] = []
  readonly #runs = new Map<string, number>()
  readonly #edits = new Map<string, number>()

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

  /** Notes that an owner deals with another node by hand: pins it, unpins it, blocks it. */
  noteEdit(owner: SimNode, other: SimNode): void {
    this.#edits.set(`${owner.name} ${other.name}`, this.edits(owner, other) + 1)
  }

  /** How often he has. */
  edits(owner: SimNode, other: SimNode): number {
    return this.#edits.get(`${owner.name} ${other.name}`) ?? 0
  }
}
