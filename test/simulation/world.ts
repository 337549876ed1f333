import { Random } from '../fuzz/random.ts'
import { Ambient } from './ambient.ts'
import { Ledger } from './ledger.ts'
import { Network } from './network.ts'
import type { Sent } from './network.ts'
import { Scheduler } from './scheduler.ts'
import { SimNode } from './sim-node.ts'
import type { Thief } from './thief.ts'
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

/** Something that a node says on a connection. */
export interface SentBytes extends Omit<Sent, 'from'> {
  from: SimNode
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
  /** Who looks at all that a node sends. */
  readonly sightings: ((sent: SentBytes) => void)[] = []
  /** Who looks at the world after each thing that happens. */
  readonly lookouts = new Set<() => void>()
  /** Whose rotation key another machine of its owner keeps, and which. */
  readonly keepers = new Map<SimNode, SimNode>()
  readonly thieves: Thief[] = []
  /** There are thieves, whatever the seed says. */
  robbed = false
  /** Days in which nothing happened, in ms: the clocks of the machines know of them. */
  goneMs = 0
  /** False once the thieves have gone. */
  thieving = true
  /** True once no node shall start any more. */
  ending = false
  /** How often what has come about. */
  readonly tallies = new Map<string, number>()
  /** From when on nobody disturbs anything, in ms since the epoch. */
  quietAt = Infinity
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
      sent: (sent) => {
        const { name } = sent.from
        const from = this.nodes.find((node) => node.name === name)
        if (from !== undefined) for (const look of this.sightings) look({ ...sent, from })
      },
    })
    this.ledger = new Ledger()
    const count = nodes ?? 2 + random.below(NAMES.length - 1)
    this.nodes = NAMES.slice(0, count).map(
      (name, index) => new SimNode(this, name, `/ip4/10.0.0.${index + 1}/tcp/7423`),
    )
    if (random.below(3) === 0) this.#parkKey()
  }

  /** Whose key this is, or was. */
  holderOf(key: string): SimNode | undefined {
    return this.nodes.find(({ keys }) => keys.has(key))
  }

  /** Nodes that are up. */
  get up(): SimNode[] {
    return this.nodes.filter(({ node }) => node !== undefined)
  }

  get failure(): Error | undefined {
    return this.#failure
  }

  /** The owner of two nodes takes the rotation key of one to the other. */
  #parkKey(): void {
    const [keeper, ...others] = this.nodes
    if (keeper === undefined) return
    const node = this.random.of(others)
    keeper.kept.put(node.keys.giveRotationKey())
    this.keepers.set(node, keeper)
  }

  note(who: string, what: string): void {
    this.trace.note(this.scheduler.now, who, what)
  }

  tally(what: string): void {
    this.tallies.set(what, (this.tallies.get(what) ?? 0) + 1)
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
    for (const look of this.lookouts) look()
    if (this.#failure !== undefined) throw this.#failure
  }
}
