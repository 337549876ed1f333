import { Random } from '../fuzz/random.ts'
import { Ambient } from './ambient.ts'
import { Ledger } from './ledger.ts'
import { Network } from './network.ts'
import { Scheduler } from './scheduler.ts'
import { SimNode } from './sim-node.ts'
import { Trace } from './trace.ts'

const NAMES = ['anna', 'bert', 'carol', 'dora', 'emil']

const START_AT = Date.UTC(2026, 10, 21, 9)

export interface WorldInit {
  seed: number
  /** Nodes, 2 to 5. @default as the seed decides */
  nodes?: number
  /** Gets each line of the trace. */
  print?: (line: string) => void
}

/** All there is in a simulation. */
export class World {
  readonly random: Random
  readonly scheduler: Scheduler
  readonly ambient: Ambient
  readonly network: Network
  readonly ledger: Ledger
  readonly nodes: SimNode[]
  readonly trace: Trace
  /** True once no node shall start any more. */
  ending = false
  #failure: Error | undefined

  constructor({ nodes, print, seed }: WorldInit) {
    this.random = new Random(seed)
    const { random } = this
    this.scheduler = new Scheduler(random, START_AT)
    const { scheduler } = this
    this.ambient = new Ambient(scheduler)
    this.trace = new Trace(START_AT, print)
    this.network = new Network({
      scheduler,
      random,
      heard: ({ name }, bytes) => {
        this.trace.note(scheduler.now, name, `hears ${bytes.byteLength} bytes`)
        this.trace.count(bytes)
      },
    })
    this.ledger = new Ledger()
    const count = nodes ?? 2 + random.below(NAMES.length - 1)
    this.nodes = NAMES.slice(0, count).map(
      (name, index) => new SimNode(this, name, `/ip4/10.0.0.${index + 1}/tcp/7423`),
    )
  }

  /** Nodes that are up. */
  get up(): SimNode[] {
    return this.nodes.filter(({ node }) => node !== undefined)
  }

  get failure(): Error | undefined {
    return this.#failure
  }

  note(who: string, what: string): void {
    this.trace.note(this.scheduler.now, who, what)
  }

  /** Ends the simulation. */
  fail(err: unknown): void {
    this.#failure ??= err instanceof Error ? err : new Error(String(err))
  }

  /** Fails when this does. */
  watch(promise: Promise<unknown>): void {
    promise.catch((err: unknown) => {
      this.fail(err)
    })
  }

  /** Does the next thing that is due, to its very end. @throws what has failed */
  async step(): Promise<void> {
    if (!this.scheduler.step()) throw new Error('nothing is due any more')
    await this.ambient.settle()
    if (this.#failure !== undefined) throw this.#failure
  }
}
