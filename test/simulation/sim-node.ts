import { pino } from 'pino'
import { WireFailure } from '../../src/node/answer.ts'
import { configSchema } from '../../src/node/config.ts'
import { homeOf } from '../../src/node/home.ts'
import { KithNode } from '../../src/node/node.ts'
import type { Surroundings } from '../../src/node/surroundings.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import type { FailureCode } from '../../src/protocol/errors.ts'
import { Database } from '../../src/store/database.ts'
import { Disk } from './disk.ts'
import { noJobs } from './no-jobs.ts'
import type { NetworkHost } from './sim-connection.ts'
import { SimClock } from './sim-clock.ts'
import { SimEngine } from './sim-engine.ts'
import { SimKept } from './sim-kept.ts'
import { SimKeys } from './sim-keys.ts'
import { SimPeers } from './sim-peers.ts'
import type { World } from './world.ts'

/** As pino has it. */
const ERROR_LEVEL = 50

/** A process of a node. */
interface Run {
  clock: SimClock
  /** Of its own, since an engine may be deaf to the end of its ask. */
  engineClock: SimClock
  host: NetworkHost & { running: boolean }
  /** It has ended where it stood. */
  killed: boolean
  /** Where it writes; there before the node is. */
  database: Database | undefined
  node: KithNode | undefined
}

/** A machine with one node: what is on it outlives the processes that run there, one after the other. */
export class SimNode {
  readonly name: string
  readonly address: string
  readonly disk: Disk
  readonly peers = new SimPeers()
  readonly keys: SimKeys
  readonly kept: SimKept
  readonly #world: World
  /** By how much the machine's clock is wrong. */
  #offsetMs = 0
  #clockWasSet = false
  #run: Run | undefined
  #stopping = false

  constructor(world: World, name: string, address: string) {
    this.#world = world
    this.name = name
    this.address = address
    this.disk = new Disk(world)
    this.keys = new SimKeys(name, world.scheduler.now)
    this.kept = new SimKept(name)
  }

  /** The node, once it has started, and until it stops. */
  get node(): KithNode | undefined {
    return this.#stopping ? undefined : this.#run?.node
  }

  /** The node while it answers anybody: also when it stops. */
  get answering(): KithNode | undefined {
    return this.#run?.node
  }

  /** Where the running node writes. */
  get database(): Database | undefined {
    return this.#run?.database
  }

  get id(): string {
    return this.keys.identity.id
  }

  /** False while a process is there, also one that starts or stops. */
  get down(): boolean {
    return this.#run === undefined
  }

  /** By the machine's own clock, in ms since the epoch. */
  get now(): number {
    return this.#world.scheduler.now + this.#offsetMs
  }

  /** Somebody sets the machine's clock. */
  setClock(offsetMs: number): void {
    if (offsetMs === this.#offsetMs) return
    this.note(`has its clock set to ${offsetMs} ms`)
    this.#offsetMs = offsetMs
    this.#clockWasSet = true
  }

  /** Makes it as late as what was asked under another clock may have been meant for. */
  skip(ms: number): void {
    if (this.#clockWasSet && this.#offsetMs < ms) this.setClock(ms)
  }

  /**
   * What the owner does with his node, if it is up. He may be refused with these codes, and with any code of ours by a
   * node that stops; whatever else is thrown ends the simulation, unless the process was killed meanwhile and nobody
   * is there to be told.
   */
  owner(refusals: readonly FailureCode[], act: (node: KithNode) => Promise<unknown>): void {
    const { node } = this
    const run = this.#run
    if (node === undefined || run === undefined) return
    const acted = act(node).catch((err: unknown) => {
      if (run.killed) return
      const code = isFailure(err) || err instanceof WireFailure ? err.code : undefined
      if (code !== undefined && (this.node !== node || refusals.includes(code))) return
      throw err
    })
    this.#world.watch(acted)
  }

  /** Begins a process, unless there is one. */
  start(): void {
    if (this.#run !== undefined || this.#world.ending || this.keys.retired) return
    const { network } = this.#world
    const [clock, engineClock] = [this.#makeClock(), this.#makeClock()]
    const { address, name } = this
    const host = { name, address, running: true, alive: () => host.running }
    const run: Run = {
      clock,
      engineClock,
      host,
      killed: false,
      database: undefined,
      node: undefined,
    }
    this.#run = run
    network.powerOn(name)
    this.note('starts')
    this.#world.watch(this.#open(run))
  }

  /** Ends the process where it stands; with a power cut, what was not synced may be gone. */
  crash(powerCut: boolean): void {
    if (this.#run === undefined) return
    this.note(powerCut ? 'loses its power' : 'is killed')
    this.#run.killed = true
    this.#end(this.#run)
    this.disk.crash(powerCut)
    this.#world.network.crash(this.#run.host, powerCut)
    this.#run = undefined
    this.#stopping = false
  }

  /** Stops the node as its owner does. */
  stop(drainMs: number): void {
    const run = this.#run
    if (run?.node === undefined || this.#stopping) return
    this.note('stops')
    this.#stopping = true
    const stopped = run.node.stop(drainMs).then(() => {
      if (run.clock.timers > 0) throw new Error(`${run.clock.timers} timers outlive ${this.name}`)
      this.note('has stopped')
      this.#end(run)
      this.#run = undefined
      this.#stopping = false
    })
    this.#world.watch(stopped)
  }

  note(what: string): void {
    this.#world.note(this.name, what)
  }

  async #open(run: Run): Promise<void> {
    const { clock, host } = run
    const { network, random } = this.#world
    const log = pino(
      { level: 'debug', base: null, timestamp: false, serializers: { err: textOf } },
      {
        write: (line) => {
          if (!host.running) return
          this.note(line.trimEnd())
          const fault = faultIn(JSON.parse(line) as LogLine)
          if (fault !== undefined) this.#world.fail(new Error(`${this.name} logs ${fault}`))
        },
      },
    )
    run.database = await Database.over(await this.disk.mount(), this.name)
    const surroundings: Surroundings = {
      clock,
      random: () => random.next(),
      randomBytes: (count) => random.bytes(count),
      database: run.database,
      peers: this.peers.source,
      jobs: noJobs,
      keys: this.keys.own(clock),
      kept: this.kept.own(clock),
      ownFiles: async (before) => Promise.resolve(before),
      lines: () => ({ write: () => undefined }),
      engine: async () => ({
        stop: async () => undefined,
        engine: new SimEngine({
          clock: run.engineClock,
          onRun: (ask) => {
            if (!host.running) return
            this.note(`runs ${ask.id}`)
            if (this.#world.ledger.noteRun(this, ask) > 1) {
              this.#world.fail(new Error(`${this.name} runs ${ask.id} twice`))
            }
          },
        }),
      }),
      createTransport: network.createTransport(host),
    }
    const node = await KithNode.openIn(surroundings, {
      home: homeOf({ KITH_HOME: `/${this.name}` }, undefined),
      config: configSchema.parse({
        listen: [this.address],
        agent: { parallel: 2, queue: 4 },
        // Its files are on no disk of this machine.
        fleet: { self_audit: false },
      }),
      identity: this.keys.identity,
      log,
    })
    await node.start()
    run.node = node
    this.note('is up')
  }

  #makeClock(): SimClock {
    return new SimClock(this.#world.scheduler, () => this.#offsetMs)
  }

  #end(run: Run): void {
    run.host.running = false
    run.clock.end()
    run.engineClock.end()
  }
}

interface LogLine {
  level: number
  msg: string
  err?: string
}

/** What no log should have: a fault of ours, which somebody has caught. */
function faultIn({ err = '', level, msg }: LogLine): string | undefined {
  // The engine is told to break; and what a node learns while it stops may find its store closed.
  const expected = msg === 'engine failed' || err.endsWith(' is closed')
  const fault = level >= ERROR_LEVEL || /^(Type|Reference|Range)Error/.test(err)
  return fault && !expected ? `${msg}: ${err}` : undefined
}

/** Without its stack, which is of this machine. */
function textOf(err: unknown): string {
  return err instanceof Error ? `${err.name}: ${err.message}` : String(err)
}
