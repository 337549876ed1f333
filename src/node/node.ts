import type { Logger } from 'pino'
import { SOFTWARE } from '../protocol/software.ts'
import type { StatusEnd } from '../protocol/verbs.ts'
import type { Database } from '../store/database.ts'
import { reachable } from './addresses.ts'
import { AgentHost } from './agent/agent-host.ts'
import { Alerts } from './alerts.ts'
import { Answerer } from './asks/answerer.ts'
import { Asker } from './asks/asker.ts'
import { askerStanding } from './asks/asker-standing.ts'
import { AskDesk } from './asks/ask-desk.ts'
import { Housekeeping } from './asks/housekeeping.ts'
import { BackupDesk } from './backup/backup-desk.ts'
import { Byes } from './byes.ts'
import { Caller } from './caller.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { Copies } from './copies.ts'
import { Dialer } from './dialer.ts'
import { Dispatcher } from './dispatcher.ts'
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
import { JobHost } from './scheduler/job-host.ts'
import { Self } from './self.ts'
import { openStores } from './stores.ts'
import type { Stores } from './stores.ts'
import { Strangers } from './strangers.ts'
import { surroundingsOf } from './surroundings.ts'
import type { Surroundings } from './surroundings.ts'
import { createVerbs } from './verbs/verbs.ts'

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
  readonly backups: BackupDesk
  readonly byes: Byes
  readonly copies: Copies
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
  readonly jobs: JobHost
  readonly keys: KeyDesk
  readonly pairing: PairingDesk
  readonly #database: Database
  readonly #housekeeping: Housekeeping

  /** Opens this home's store. @throws {KithError} `locked` when another process has it */
  static async open(init: NodeInit): Promise<KithNode> {
    return await KithNode.openIn(await surroundingsOf(init.home, init.config), init)
  }

  /** The node of this identity in these surroundings. */
  static async openIn(surroundings: Surroundings, init: NodeInit): Promise<KithNode> {
    try {
      return new KithNode(surroundings, init, await openStores(surroundings, init))
    } catch (err) {
      await surroundings.database.close()
      throw err
    }
  }

  private constructor(
    surroundings: Surroundings,
    init: NodeInit,
    { asks: store, backups, breakers, bytes, deliveries, epoch, jobs, leases, runs }: Stores,
  ) {
    const { clock, createTransport, database, random, randomBytes } = surroundings
    const { config, home, identity, log } = init
    this.clock = clock
    this.startedAt = clock.now()
    this.config = config
    this.home = home
    this.log = log
    this.#database = database
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
        standing: (peer) => askerStanding({ clock, owner: this.desk.owner, pins: this.pins }, peer),
        parked: (record) => agent.parked(record),
      },
      config.agent,
    )

    const { answerer, pins, strangers } = this
    this.copies = new Copies({ database, alerts, pins, log }, { ownEpoch: epoch })
    const guard = new Guard(
      createVerbs(
        {
          ...{ answerer, bytes, byes, pins, self, startedAt: this.startedAt },
          approvals: agent.approvals,
          jobs: { runFor: (...call) => this.jobs.runFor(...call) },
          copies: this.copies,
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
        hello: () => helloOf({ at: clock.now(), sn: self.state.sn, epoch }),
      },
    )
    const trade = new KeyTrade({ pins, own: self, log })
    this.pairing = new PairingDesk(
      {
        ...{ ...surroundings, alerts, byes, keyLogs, log, pins, self, strangers },
        links: this.links,
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
    const { desk } = this
    this.backups = new BackupDesk({ database, clock, records: backups }, { config, home })
    this.jobs = new JobHost(
      {
        ...{ ...surroundings, alerts, deliveries, desk, home, jobs, leases, log, pins, runs },
        backups: this.backups,
        modelOf: (record) => agent.spending.modelOf(record),
        redacted: agent.redacted,
      },
      { config, env: process.env },
    )
    this.#housekeeping = new Housekeeping({ store, runs, clock, log })
  }

  /** Listens, dials, and takes up what the last stop or crash left. Jobs run when they are due, unless `loop` is false. */
  async start(jobs: { loop: boolean } = { loop: true }): Promise<void> {
    await this.alerts.start()
    await this.pins.start()
    await this.strangers.start()
    // Whoever links with us has us pinned, whatever it said before.
    this.links.onChange(({ id }, up) => {
      if (up) this.byes.forget(id)
      const peer = up ? this.pins.byId(id) : undefined
      if (peer !== undefined) this.jobs.results.peerCame(peer.pin.name)
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
    this.copies.start(this.links)
    this.links.start()
    await this.keys.start()
    await this.pairing.start()
    await this.mesh.start()
    this.pairing.resume()
    this.dialer.start()
    await this.asker.start()
    this.#housekeeping.start()
    await this.jobs.start(jobs)
  }

  /** Lets asks under way end by themselves for a while, then ends everything. What waits stays in the store. */
  async stop(drainMs: number): Promise<void> {
    const drainedAt = this.clock.now() + drainMs
    // First: a job that is ended for the stop is to hear of it before its asks do.
    await this.jobs.stop(drainMs)
    this.#housekeeping.stop()
    // What runs here may be waiting for what was asked of others: that goes on until it has ended.
    await this.answerer.stop(Math.max(0, drainedAt - this.clock.now()))
    await this.asker.stop()
    await this.dialer.stop()
    await this.agent.stop()
    await this.pairing.stop()
    await this.keys.stop()
    // In this order, so that what is written last, such as a final, still goes out.
    await this.mesh.stop()
    this.links.stop()
    this.copies.stop()
    await this.pins.stop()
    this.strangers.stop()
    this.alerts.stop()
    await this.#database.close()
  }

  /** What this node tells of itself to a peer that may ask. */
  summary(): StatusEnd {
    return {
      asks: this.answerer.counts,
      engine: this.answerer.engine,
      health: this.health(),
      software: SOFTWARE,
      uptimeMs: this.clock.now() - this.startedAt,
    }
  }

  /** `unhealthy` without a store that takes writes, `degraded` while a file of peers or jobs on disk is not in force. */
  health(): 'healthy' | 'degraded' | 'unhealthy' {
    if (this.#database.failure !== undefined) return 'unhealthy'
    return (this.pins.problem ?? this.jobs.problem) === undefined ? 'healthy' : 'degraded'
  }

  get storeFailure(): Error | undefined {
    return this.#database.failure
  }

  /** A peer that is here may be a thief of its key, and one that has retired may not have meant to: its owner comes back. */
  #lobbyNeeded(): boolean {
    return this.pairing.awaitsVisitors || this.pins.peers().length > 0
  }
}
