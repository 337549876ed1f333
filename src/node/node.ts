import type { Logger } from 'pino'
import { decideGrant } from '../protocol/grant.ts'
import { SOFTWARE } from '../protocol/software.ts'
import type { Database } from '../store/database.ts'
import { reachable } from './addresses.ts'
import { AgentHost } from './agent/agent-host.ts'
import { Breakers } from './agent/breakers.ts'
import { Alerts } from './alerts.ts'
import { Answerer } from './asks/answerer.ts'
import type { AskerStanding } from './asks/handle.ts'
import { AskStore } from './asks/ask-store.ts'
import { DailyBytes } from './asks/daily-bytes.ts'
import { Asker } from './asks/asker.ts'
import { AskDesk } from './asks/ask-desk.ts'
import { Housekeeping } from './asks/housekeeping.ts'
import { Byes } from './byes.ts'
import { Caller } from './caller.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { Dialer } from './dialer.ts'
import { Dispatcher } from './dispatcher.ts'
import { nextEpoch } from './epoch.ts'
import { factsOf } from './facts.ts'
import { Guard } from './guard.ts'
import { helloOf } from './hello.ts'
import type { Home } from './home.ts'
import type { Identity } from './identity.ts'
import { alertOnKeys } from './key-alerts.ts'
import { KeyDesk } from './keys/key-desk.ts'
import { KeyLogs } from './key-logs.ts'
import { KeyTrade } from './key-trade.ts'
import { Links } from './links.ts'
import { Lobby } from './lobby.ts'
import { Mesh } from './mesh.ts'
import { PairingDesk } from './pairing/pairing-desk.ts'
import { Pins } from './pins.ts'
import type { Peer } from './pins.ts'
import { Self } from './self.ts'
import { Strangers } from './strangers.ts'
import { surroundingsOf } from './surroundings.ts'
import type { Surroundings } from './surroundings.ts'
import { askerOf } from './verbs/ask.ts'
import { createVerbs } from './verbs/verbs.ts'
import { hostZone } from './zone.ts'

export interface NodeInit {
  home: Home
  config: Config
  identity: Identity
  log: Logger
}

/** One identity, running: every part of it, built here, started in order and stopped in reverse. */
export class KithNode {
  readonly startedAt: number
  readonly self: Self
  readonly config: Config
  readonly home: Home
  readonly log: Logger
  readonly clock: Clock
  readonly alerts: Alerts
  readonly byes: Byes
  readonly pins: Pins
  readonly strangers: Strangers
  readonly links: Links
  readonly lobby: Lobby
  readonly mesh: Mesh
  readonly dialer: Dialer
  readonly caller: Caller
  readonly agent: AgentHost
  readonly answerer: Answerer
  readonly asker: Asker
  readonly desk: AskDesk
  readonly keys: KeyDesk
  readonly pairing: PairingDesk
  readonly #database: Database
  readonly #housekeeping: Housekeeping
  readonly #epoch: number

  /** Opens this home's store. @throws {KithError} `locked` when another process has it */
  static async open(init: NodeInit): Promise<KithNode> {
    return await KithNode.openIn(await surroundingsOf(init.home, init.config), init)
  }

  /** The node of this identity in these surroundings. */
  static async openIn(surroundings: Surroundings, init: NodeInit): Promise<KithNode> {
    const { clock, database, random } = surroundings
    try {
      const store = await AskStore.open(database, clock)
      const bytes = await DailyBytes.open({ database, clock, zone: hostZone, log: init.log })
      const breakers = await Breakers.open({ database, clock, random, log: init.log })
      return new KithNode(surroundings, init, { store, breakers, bytes }, await nextEpoch(database))
    } catch (err) {
      await database.close()
      throw err
    }
  }

  private constructor(
    surroundings: Surroundings,
    init: NodeInit,
    { breakers, bytes, store }: { breakers: Breakers; bytes: DailyBytes; store: AskStore },
    epoch: number,
  ) {
    const { clock, createTransport, database, random, randomBytes } = surroundings
    const { config, home, identity, log } = init
    this.clock = clock
    this.startedAt = clock.now()
    this.config = config
    this.home = home
    this.log = log
    this.#database = database
    this.#epoch = epoch
    this.self = new Self(identity)
    const { self } = this
    this.alerts = new Alerts({ database, clock, randomBytes, log })
    const { alerts } = this

    const keyLogs = new KeyLogs({ database, clock })
    this.byes = new Byes({ database, alerts, clock, log })
    const { byes } = this
    this.pins = new Pins({ source: surroundings.peers, keyLogs, byes, clock, log })
    alertOnKeys({ alerts, keyLogs, pins: this.pins, self })
    this.strangers = new Strangers({ database, pins: this.pins, clock, log })
    const incidentId = (): string => Buffer.from(randomBytes(6)).toString('hex')
    this.agent = new AgentHost(
      {
        ...{ ...surroundings, alerts, breakers, incidentId, log, pins: this.pins, self, store },
        facts: factsOf(this),
        asker: () => this.asker,
      },
      { config: config.agent, home },
    )
    const { agent } = this
    this.answerer = new Answerer(
      {
        ...{ store, bytes, agent, clock, log },
        standing: (peer) => this.#standing(peer),
        parked: (record) => agent.parked(record),
      },
      config.agent,
    )

    const { answerer, pins, strangers } = this
    const guard = new Guard(
      createVerbs(
        {
          ...{ answerer, bytes, byes, pins, self, startedAt: this.startedAt },
          approvals: this.agent.approvals,
          links: { get: (id) => this.links.get(id) },
          requests: { take: (...request) => this.keys.requests.take(...request) },
          summary: () => this.summary(),
        },
        { ownId: identity.id },
      ),
    )
    const dispatcher = new Dispatcher({ pins, guard, clock, log, incidentId })
    this.links = new Links(
      { pins, clock, log, dispatcher },
      {
        ownKey: () => self.key,
        hello: () => helloOf({ at: clock.now(), sn: self.state.sn, epoch: this.#epoch }),
      },
    )
    const trade = new KeyTrade({ pins, own: self, log })
    this.pairing = new PairingDesk(
      {
        ...{ ...surroundings, alerts, byes, keyLogs, log, pins, self, strangers },
        mesh: { talkAt: (...visit) => this.mesh.talkAt(...visit) },
      },
      {
        addresses: () => reachable(config, this.mesh.addresses()),
        name: config.name,
        lobby: config.lobby.mode === 'auto',
      },
    )
    const { pairing } = this
    this.lobby = new Lobby(
      { pins, clock, log, talks: { show: trade.serve, ...pairing.talks } },
      {
        open: () => config.lobby.mode === 'auto' && this.#lobbyNeeded(),
        perMinute: config.lobby.per_minute,
        perAddressPerMinute: config.lobby.per_address_per_minute,
      },
    )
    const { links, lobby } = this
    this.mesh = new Mesh(
      { pins, links, lobby, strangers, trade, createTransport, clock, log },
      { secret: identity.secret, listen: config.listen },
    )
    const { mesh } = this
    const knowsUs = (peer: Peer): boolean => this.keys.announcer.standing(peer) === 'acknowledged'
    this.dialer = new Dialer({ pins, links, mesh, knowsUs, clock, random, log })
    const { dialer } = this
    this.caller = new Caller({ links, dialer })
    const { caller } = this
    const own = { self, pins, links, caller, dialer, mesh, alerts, log }
    this.keys = new KeyDesk({ ...surroundings, ...own })
    this.asker = new Asker({ store, breakers, caller, pins, links, clock, log })
    const { asker } = this
    this.desk = new AskDesk(
      { store, answerer, asker, pins, clock, randomBytes },
      { ownId: identity.id },
    )
    this.#housekeeping = new Housekeeping({ store, clock, log })
  }

  /** Listens, dials, and takes up what the last stop or crash left. */
  async start(): Promise<void> {
    await this.alerts.start()
    await this.pins.start()
    await this.strangers.start()
    // Whoever links with us has us pinned, whatever it said before.
    this.links.onChange(({ id }, up) => {
      if (up) this.byes.forget(id)
    })
    this.pins.onChange(() => {
      const { log } = this
      Promise.all([this.answerer.review(), this.agent.review()]).catch((err: unknown) => {
        log.error({ err }, 'asks that are no longer allowed could not be ended')
      })
    })
    await this.agent.start()
    await this.answerer.recover()
    await this.agent.review()
    this.links.start()
    await this.keys.start()
    await this.pairing.start()
    await this.mesh.start()
    this.pairing.resume()
    this.dialer.start()
    await this.asker.start()
    this.#housekeeping.start()
  }

  /** Lets asks under way end by themselves for a while, then ends everything. What waits stays in the store. */
  async stop(drainMs: number): Promise<void> {
    this.#housekeeping.stop()
    // What runs here may be waiting for what was asked of others: that goes on until it has ended.
    await this.answerer.stop(drainMs)
    await this.asker.stop()
    await this.dialer.stop()
    await this.agent.stop()
    await this.pairing.stop()
    await this.keys.stop()
    // In this order, so that what is written last, such as a final, still goes out.
    await this.mesh.stop()
    this.links.stop()
    await this.pins.stop()
    this.strangers.stop()
    this.alerts.stop()
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

  /** A peer that is here may be a thief of its key, and one that has retired may not have meant to: its owner comes back. */
  #lobbyNeeded(): boolean {
    return this.pairing.awaitsVisitors || this.pins.peers().length > 0
  }

  #standing(id: string): AskerStanding | undefined {
    if (id === this.self.id) return { asker: this.desk.owner, deniedBy: undefined }
    const peer = this.pins.byId(id)
    if (peer === undefined) return undefined
    const { pin } = peer
    if (peer.frozen) return { asker: askerOf({ pin, id }), deniedBy: 'frozen' }
    // How far it came was decided when it came; its own asker is always within the depth.
    const grant = decideGrant(pin, 'ask', { now: this.clock.now(), chainLength: 1 })
    return { asker: askerOf({ pin, id }), deniedBy: grant.allowed ? undefined : grant.rule }
  }
}
