import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { systemClock } from '../../src/node/clock.ts'
import type { Run } from '../../src/node/scheduler/run.ts'
import { natsSchema } from '../../src/node/scheduler/nats/nats-config.ts'
import { NatsJobStore } from '../../src/node/scheduler/nats/nats-job-store.ts'
import { Runs } from '../../src/node/scheduler/runs.ts'
import { Database } from '../../src/store/database.ts'
import type { StorePair } from '../node/scheduler/job-store-contract.ts'
import { eventually } from './eventually.ts'

/** A store of shared jobs with a database of its own, as a node has it. */
export interface NatsNode {
  readonly name: string
  readonly store: NatsJobStore
  readonly runs: Runs
  readonly database: Database
  /** Runs that have ended elsewhere. */
  readonly heard: Run[]
  close(): Promise<void>
}

/** The node with this name, its database below `folder`. Resolves when its first attempt to connect has ended. */
export async function natsNode(
  folder: string,
  name: string,
  settings: Record<string, unknown>,
): Promise<NatsNode> {
  const database = await Database.open(join(folder, name))
  const runs = new Runs(database)
  const log = pino({ level: 'silent' })
  const { random } = Math
  const store = new NatsJobStore(
    { database, runs, clock: systemClock, random, randomBytes, log },
    { config: natsSchema.parse(settings), node: name, env: process.env },
  )
  const heard: Run[] = []
  store.listen({ onChange: () => undefined, onEnd: (run) => void heard.push(run) })
  await store.start()
  return {
    ...{ name, store, runs, database, heard },
    close: async () => {
      await store.stop()
      await database.close()
    },
  }
}

/** Two nodes with the same jobs. Leases run out by the clock of the server: its time passes by itself. */
export class NatsPair implements StorePair {
  readonly ttlMs = 1_000
  readonly #folder: string
  readonly #url: string
  #nodes: NatsNode[] = []

  constructor(folder: string, url: string) {
    this.#folder = folder
    this.#url = url
  }

  async open(): Promise<void> {
    const settings = { servers: [this.#url] }
    this.#nodes = await Promise.all(
      ['laptop', 'vps'].map((name) => natsNode(this.#folder, name, settings)),
    )
    for (const { store } of this.#nodes) assert.equal(store.problem, undefined)
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.close()))
  }

  get first(): NatsJobStore {
    return this.#node(0).store
  }

  get second(): NatsJobStore {
    return this.#node(1).store
  }

  /** What a node has heard of runs that have ended elsewhere. */
  heard(nth: number): Run[] {
    return this.#node(nth).heard
  }

  get runs(): Runs[] {
    return this.#nodes.map(({ runs }) => runs)
  }

  readonly now = (): number => Date.now()
  readonly pass = async (ms: number): Promise<void> => {
    await delay(ms)
  }

  readonly settled = async (): Promise<void> => {
    await eventually(async () => {
      assert.deepEqual(this.second.openRuns(), this.first.openRuns())
      for (const job of ['digest', 'backup']) {
        // Until when a lease is known to be in force is known to each alone.
        const [one, other] = [this.first.state(job), this.second.state(job)]
        assert.deepEqual(
          { ...one, active: one.active?.run },
          { ...other, active: other.active?.run },
        )
      }
      const [mine, others] = await Promise.all(this.runs.map((runs) => runs.list({}, 1_000)))
      assert.deepEqual(mine, others)
    })
  }

  readonly lapsed = async (run: string): Promise<Run> =>
    await eventually(async () => {
      const found = (await this.second.expired(Date.now())).find((one) => one.run === run)
      assert.ok(found, 'the lease is in force')
      return found
    })

  readonly reopen = async (): Promise<void> => {
    await this.close()
    await this.open()
  }

  #node(nth: number): NatsNode {
    const node = this.#nodes[nth]
    if (node === undefined) throw new TypeError('not open')
    return node
  }
}
