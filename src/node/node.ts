import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { z } from 'zod'
import { Agent } from '../agent/agent.ts'
import { BuiltinEngine } from '../agent/engines/builtin.ts'
import { Memory } from '../agent/memory.ts'
import type { NodeFacts } from '../agent/ports.ts'
import { Workspace } from '../agent/workspace.ts'
import { decideGrant } from '../protocol/grant.ts'
import { LINK_VERSION_MAX, LINK_VERSION_MIN } from '../protocol/limits.ts'
import { SOFTWARE } from '../protocol/software.ts'
import { Database } from '../store/database.ts'
import { Repository } from '../store/repository.ts'
import { Answerer } from './asks/answerer.ts'
import type { AskerStanding } from './asks/answerer.ts'
import { AskStore } from './asks/ask-store.ts'
import { Asker } from './asks/asker.ts'
import { AskDesk } from './asks/ask-desk.ts'
import { Housekeeping } from './asks/housekeeping.ts'
import { Caller } from './caller.ts'
import { systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { Dialer } from './dialer.ts'
import { Dispatcher } from './dispatcher.ts'
import { Guard } from './guard.ts'
import type { Home } from './home.ts'
import type { Identity } from './identity.ts'
import { Links } from './links.ts'
import { Lobby } from './lobby.ts'
import { Mesh } from './mesh.ts'
import { Pins } from './pins.ts'
import { askVerb, attachVerb, cancelVerb, getVerb, askerOf } from './verbs/ask.ts'
import { keyLogVerb } from './verbs/key-log.ts'
import { pingVerb } from './verbs/ping.ts'
import { statusVerb } from './verbs/status.ts'

export interface NodeInit {
  home: Home
  config: Config
  identity: Identity
  log: Logger
}

/** One identity, running: every part of it, built here, started in order and stopped in reverse. */
export class KithNode {
  readonly startedAt: number
  readonly identity: Identity
  readonly config: Config
  readonly home: Home
  readonly log: Logger
  readonly clock = systemClock
  readonly pins: Pins
  readonly links: Links
  readonly lobby: Lobby
  readonly mesh: Mesh
  readonly dialer: Dialer
  readonly caller: Caller
  readonly answerer: Answerer
  readonly asker: Asker
  readonly desk: AskDesk
  readonly #database: Database
  readonly #housekeeping: Housekeeping
  readonly #epoch: number

  /** Opens this home's store. @throws {KithError} `locked` when another process has it */
  static async open(init: NodeInit): Promise<KithNode> {
    const database = await Database.open(init.home.store)
    try {
      const store = await AskStore.open(database, systemClock)
      return new KithNode(init, database, store, await nextEpoch(database))
    } catch (err) {
      await database.close()
      throw err
    }
  }

  private constructor(init: NodeInit, database: Database, store: AskStore, epoch: number) {
    const { clock } = this
    const { config, home, identity, log } = init
    this.startedAt = clock.now()
    this.identity = identity
    this.config = config
    this.home = home
    this.log = log
    this.#database = database
    this.#epoch = epoch
    const ownLog = (): Uint8Array[] => identity.log

    this.pins = new Pins({ database, log }, { path: home.peers })
    const agent = new Agent({
      engine: new BuiltinEngine({
        facts: this.#facts(),
        memory: new Memory(home.memory),
        workspace: new Workspace(home.workspace),
      }),
      incidentId,
      onIncident: (incident) => {
        log.error(
          { incident: incident.id, ask: incident.ask, err: incident.cause },
          'engine failed',
        )
      },
    })
    this.answerer = new Answerer(
      { store, agent, standing: (peer) => this.#standing(peer), clock, log },
      config.agent,
    )

    const { answerer, pins } = this
    const guard = new Guard([
      pingVerb({ software: SOFTWARE, startedAt: this.startedAt }),
      askVerb({ answerer }, { ownId: identity.id }),
      attachVerb({ answerer }),
      cancelVerb({ answerer }),
      getVerb({ answerer }),
      statusVerb(() => this.summary()),
      keyLogVerb(ownLog),
    ])
    const dispatcher = new Dispatcher({ pins, guard, clock, log, incidentId })
    this.links = new Links(
      { pins, clock, log, dispatcher },
      { ownKey: identity.key, hello: () => this.#hello() },
    )
    this.lobby = new Lobby(
      { pins, clock, log },
      {
        ownLog,
        open: config.lobby.mode === 'auto',
        perMinute: config.lobby.per_minute,
        perAddressPerMinute: config.lobby.per_address_per_minute,
      },
    )
    const { links, lobby } = this
    this.mesh = new Mesh(
      { pins, links, lobby, clock, log },
      { secret: identity.secret, listen: config.listen },
    )
    const { mesh } = this
    this.dialer = new Dialer({ pins, links, mesh, clock, random: Math.random, log })
    const { dialer } = this
    this.caller = new Caller({ links, dialer })
    const { caller } = this
    this.asker = new Asker({ store, caller, pins, links, clock, log })
    const { asker } = this
    this.desk = new AskDesk({ store, answerer, asker, pins, clock }, { ownId: identity.id })
    this.#housekeeping = new Housekeeping({ store, clock, log })
  }

  /** Listens, dials, and takes up what the last stop or crash left. */
  async start(): Promise<void> {
    await this.pins.start()
    this.pins.onChange(() => {
      const { log } = this
      this.answerer.review().catch((err: unknown) => {
        log.error({ err }, 'asks that are no longer allowed could not be ended')
      })
    })
    await this.answerer.recover()
    this.links.start()
    await this.mesh.start()
    this.dialer.start()
    await this.asker.start()
    this.#housekeeping.start()
  }

  /** Lets asks under way end by themselves for a while, then ends everything. What waits stays in the store. */
  async stop(drainMs: number): Promise<void> {
    this.#housekeeping.stop()
    await this.asker.stop()
    await this.dialer.stop()
    await this.answerer.stop(drainMs)
    // In this order, so that what is written last, such as a final, still goes out.
    await this.mesh.stop()
    this.links.stop()
    await this.pins.stop()
    await this.#database.close()
  }

  /** What this node tells of itself to a peer that may ask. */
  summary(): {
    asks: { running: number; queued: number }
    engine: string
    health: 'healthy' | 'degraded' | 'unhealthy'
    software: string
    uptimeMs: number
  } {
    return {
      asks: this.answerer.counts,
      engine: this.answerer.engine,
      health: this.health(),
      software: SOFTWARE,
      uptimeMs: this.clock.now() - this.startedAt,
    }
  }

  /** `unhealthy` without a store that takes writes, `degraded` while the peers file on disk is not in force. */
  health(): 'healthy' | 'degraded' | 'unhealthy' {
    if (this.#database.failure !== undefined) return 'unhealthy'
    return this.pins.problem === undefined ? 'healthy' : 'degraded'
  }

  get storeFailure(): Error | undefined {
    return this.#database.failure
  }

  #standing(id: string): AskerStanding | undefined {
    if (id === this.identity.id) return { asker: this.desk.owner, deniedBy: undefined }
    const pin = this.pins.byId(id)?.pin
    if (pin === undefined) return undefined
    // How far it came was decided when it came; its own asker is always within the depth.
    const grant = decideGrant(pin, 'ask', { now: this.clock.now(), chainLength: 1 })
    return { asker: askerOf({ pin, id }), deniedBy: grant.allowed ? undefined : grant.rule }
  }

  #hello(): {
    t: 'hello'
    at: number
    sn: number
    epoch: number
    software: string
    versions: [number, number]
  } {
    return {
      t: 'hello',
      at: this.clock.now(),
      sn: this.identity.log.length - 1,
      epoch: this.#epoch,
      software: SOFTWARE,
      versions: [LINK_VERSION_MIN, LINK_VERSION_MAX],
    }
  }

  #facts(): NodeFacts {
    return {
      describe: () => ({
        id: this.identity.id,
        words: this.identity.words.join(' '),
        software: SOFTWARE,
        uptimeMs: this.clock.now() - this.startedAt,
        ...(this.config.name === undefined ? {} : { name: this.config.name }),
      }),
      peers: () =>
        this.pins.peers().map(({ id, pin }) => ({
          name: pin.name,
          connected: id !== undefined && this.links.get(id) !== undefined,
        })),
      asks: async () => await this.desk.facts(),
      now: () => this.clock.now(),
      zone: () => Intl.DateTimeFormat().resolvedOptions().timeZone,
    }
  }
}

const epochSchema = z.int().nonnegative()

/** Counts the starts of this store: an old copy of it that runs is told by its lower number. */
async function nextEpoch(database: Database): Promise<number> {
  const epochs = new Repository(database, 'epoch', epochSchema)
  const epoch = ((await epochs.get('boot')) ?? 0) + 1
  await database.write([epochs.put('boot', epoch)], { durable: true })
  return epoch
}

function incidentId(): string {
  return randomBytes(6).toString('hex')
}
