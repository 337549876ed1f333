import type { Logger } from 'pino'
import type { StatusEnd } from '../protocol/status.ts'
import type { Database } from '../store/database.ts'
import { reachable } from './addresses.ts'
import { AgentHost } from './agent/agent-host.ts'
import { Alerts } from './alerts.ts'
import { Answerer } from './asks/answerer.ts'
import { Asker } from './asks/asker.ts'
import { askerStanding } from './asks/asker-standing.ts'
import { AskDesk } from './asks/ask-desk.ts'
import { Housekeeping } from './asks/housekeeping.ts'
import { auditedLines, auditOutcomes } from './audit/audited.ts'
import type { Audit } from './audit/audit.ts'
import { BackupDesk } from './backup/backup-desk.ts'
import { Byes } from './byes.ts'
import { Caller } from './caller.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { ConfigWatch } from './config-watch.ts'
import { Copies } from './copies.ts'
import { Dialer } from './dialer.ts'
import { Dispatcher } from './dispatcher.ts'
import { factsOf } from './facts.ts'
import { FleetHost } from './fleet/fleet-host.ts'
import { Guard } from './guard.ts'
import { HealthWatch } from './health/health-watch.ts'
import { helloOf } from './hello.ts'
import type { Home } from './home.ts'
import { HttpHost } from './http/http-host.ts'
import { alertOnKeys } from './key-alerts.ts'
import { KeyDesk } from './keys/key-desk.ts'
import { KeyLogs } from './key-logs.ts'
import { KeyTrade } from './key-trade.ts'
import { Links } from './links.ts'
import { Lobby } from './lobby.ts'
import { Mesh } from './mesh.ts'
import type { NodeInit } from './node-init.ts'
import { partsOf } from './node-parts.ts'
import { PairingDesk } from './pairing/pairing-desk.ts'
import { Pins } from './pins.ts'
import type { Peer } from './pins.ts'
import { JobHost } from './scheduler/job-host.ts'
import { observed } from './policy/observe.ts'
import { Records } from './records.ts'
import { Self } from './self.ts'
import { Parts } from './parts.ts'
import { openStores } from './stores.ts'
import type { Stores } from './stores.ts'
import { Strangers } from './strangers.ts'
import { surroundingsOf } from './surroundings.ts'
import type { Surroundings } from './surroundings.ts'
import { createVerbs } from './verbs/verbs.ts'

/** One identity, running: every part of it, built here, started in order and stopped in reverse. */
export class KithNode {
  readonly startedAt: number
  readonly build: string | undefined
  readonly settings: ConfigWatch | undefined
  readonly self: Self
  readonly config: Config
  readonly health: HealthWatch
  readonly home: Home
  readonly http: HttpHost
  readonly log: Logger
  readonly clock: Clock
  readonly alerts: Alerts
  readonly audit: Audit
  readonly backups: BackupDesk
  readonly byes: Byes
  readonly copies: Copies
  readonly pins: Pins
  readonly records: Records
  readonly strangers: Strangers
  readonly links: Links
  readonly lobby: Lobby
  readonly mesh: Mesh
  readonly dialer: Dialer
  readonly fleet: FleetHost
  readonly caller: Caller
  readonly agent: AgentHost
  readonly answerer: Answerer
  readonly asker: Asker
  readonly desk: AskDesk
  readonly jobs: JobHost
  readonly keys: KeyDesk
  readonly housekeeping: Housekeeping
  readonly pairing: PairingDesk
  readonly parts: Parts
  readonly #database: Database
  #jobsLoop = true

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
    {
      asks: store,
      audit,
      backups,
      breakers,
      bytes,
      deliveries,
      epoch,
      jobs,
      leases,
      runs,
      access,
    }: Stores,
  ) {
    const { clock, createTransport, database, random, randomBytes } = surroundings
    const { config, home, identity, log } = init
    this.clock = clock
    this.startedAt = clock.now()
    this.config = config
    this.build = init.build
    this.settings = init.settings
    this.home = home
    this.log = log
    this.#database = database
    this.fleet = new FleetHost(this, { database, random })
    this.self = new Self(identity)
    const { self } = this
    this.audit = audit
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
        lines: auditedLines(surroundings.lines, audit),
        facts: factsOf(this),
        asker: () => this.asker,
      },
      { config: config.agent, home },
    )
    const { agent } = this
    this.answerer = new Answerer(
      {
        ...{ store, bytes, agent: observed(agent, this.fleet.policy), clock, log },
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
          heads: () => this.records,
          jobs: { runFor: (...call) => this.jobs.runFor(...call) },
          copies: this.copies,
          links: { get: (id) => this.links.get(id) },
          requests: { take: (...request) => this.keys.requests.take(...request) },
          summary: () => this.summary(),
        },
        { ownId: identity.id },
      ),
    )
    const onOutcome = auditOutcomes(audit)
    const { policy } = this.fleet
    const dispatcher = new Dispatcher({ pins, guard, clock, log, incidentId, onOutcome, policy })
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
    this.records = new Records({ ...surroundings, ...own, audit })
    this.asker = new Asker({ store, breakers, caller, pins, links, clock, log })
    const { asker } = this
    this.desk = new AskDesk(
      { store, answerer, asker, pins, clock, randomBytes },
      { ownId: identity.id },
    )
    const { desk } = this
    this.http = new HttpHost({ ...surroundings, ...access, agent, audit, desk, log }, config.http)
    const signer = (): Promise<Self> => Promise.resolve(self)
    this.backups = new BackupDesk({ database, clock, records: backups, signer }, { config, home })
    this.jobs = new JobHost(
      {
        ...{ ...surroundings, alerts, deliveries, desk, home, jobs, leases, log, pins, runs },
        backups: this.backups,
        modelOf: (record) => agent.spending.modelOf(record),
        redacted: agent.redacted,
      },
      { config, env: process.env },
    )
    this.housekeeping = new Housekeeping({ store, bytes, runs, feeds: this.jobs, clock, log })
    this.parts = new Parts(
      { clock, random, log },
      partsOf(this, () => this.#jobsLoop),
    )
    this.health = new HealthWatch(this, store)
  }

  /** Listens, dials, and takes up what the last stop or crash left. Jobs run when they are due, unless `loop` is false. */
  async start(jobs: { loop: boolean } = { loop: true }): Promise<void> {
    this.#jobsLoop = jobs.loop
    this.health.start()
    await this.parts.start()
  }

  /** Lets asks under way end by themselves for a while, then ends everything. What waits stays in the store. */
  async stop(drainMs: number): Promise<void> {
    this.health.stop()
    await this.parts.stop(drainMs)
    await this.#database.close()
  }

  /** What this node tells of itself to a peer that may ask. */
  summary(): StatusEnd {
    return this.fleet.own.summary()
  }

  /** Writes that the store has taken, and those that it has done. */
  get storeWrites(): Database['writes'] {
    return this.#database.writes
  }

  get storeFailure(): Error | undefined {
    return this.#database.failure
  }

  /** Version of the layout of the store. */
  get storeFormat(): number {
    return this.#database.format
  }

  /** A peer that is here may be a thief of its key, and one that has retired may not have meant to: its owner comes back. */
  #lobbyNeeded(): boolean {
    return this.pairing.awaitsVisitors || this.pins.peers().length > 0
  }
}
