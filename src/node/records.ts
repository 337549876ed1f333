import type { Logger } from 'pino'
import type { Database } from '../store/database.ts'
import type { Alerts } from './alerts.ts'
import { auditAlert } from './audit/audited.ts'
import type { Audit } from './audit/audit.ts'
import { HeadTrade } from './audit/head-trade.ts'
import { HeldHeads } from './audit/held-heads.ts'
import { OwnHeads } from './audit/own-heads.ts'
import { verifyAudit } from './audit/verify.ts'
import type { AuditVerdict } from './audit/verify.ts'
import { activitySince } from './changes/activity.ts'
import type { Activity } from './changes/activity.ts'
import { ChangeWatch } from './changes/change-watch.ts'
import type { ChangeWatchComponents } from './changes/change-watch.ts'
import { diffSince } from './changes/diff.ts'
import type { Diff } from './changes/diff.ts'
import { States } from './changes/states.ts'
import type { Clock } from './clock.ts'
import type { Links } from './links.ts'
import type { Pins } from './pins.ts'
import type { Self } from './self.ts'

export interface RecordsComponents {
  alerts: Pick<Alerts, 'onRaise' | 'raise'>
  audit: Audit
  clock: Clock
  database: Database
  links: Pick<Links, 'get' | 'onOpen'>
  log: Logger
  ownFiles: ChangeWatchComponents['readFiles']
  pins: Pick<Pins, 'byId' | 'keysOf' | 'onChange' | 'peers'>
  self: Pick<Self, 'events' | 'id' | 'secret' | 'state'>
}

/** What a node keeps of what has happened to it: its audit log, signed, the heads of others, and how it was set up. */
export class Records {
  readonly own: OwnHeads
  readonly held: HeldHeads
  readonly #components: RecordsComponents
  readonly #trade: HeadTrade
  readonly #watch: ChangeWatch
  #unlisten: () => void = () => undefined

  constructor(components: RecordsComponents) {
    const { clock, database, links, log, ownFiles, pins } = components
    this.#components = components
    this.own = new OwnHeads(components)
    this.held = new HeldHeads(components)
    this.#trade = new HeadTrade({ clock, held: this.held, links, log, pins })
    this.#watch = new ChangeWatch({
      ...components,
      readFiles: ownFiles,
      states: new States(database),
    })
  }

  /** After the alerts and the pins. */
  async start(): Promise<void> {
    const { alerts, audit } = this.#components
    // After a start that has failed half way, too.
    this.#unlisten()
    this.#unlisten = alerts.onRaise((alert) => {
      auditAlert(audit, alert)
    })
    audit.record({ kind: 'start', who: 'node', what: 'the node started' })
    await this.#watch.start()
    this.own.start()
    this.#trade.start()
  }

  /** Before the pins: signs what is there, once all has been written. */
  async stop(): Promise<void> {
    const { audit, log } = this.#components
    this.#unlisten()
    await this.#trade.stop()
    await this.#watch.stop()
    audit.record({ kind: 'stop', who: 'node', what: 'the node stopped' })
    await audit.stop()
    this.own.stop()
    await this.own.keep().catch((err: unknown) => {
      log.error({ err }, 'the audit log could not be signed')
    })
  }

  /** What has changed since. Reads only. */
  async diff(since: number): Promise<Diff> {
    const { clock, database, ownFiles, self } = this.#components
    const files = await ownFiles({})
    return await diffSince({ database, files, keyLog: self.events, now: clock.now() }, since)
  }

  /** What was done since. Reads only. */
  async activity(since: number): Promise<Activity> {
    return await activitySince(this.#components.database, since)
  }

  /** Whether the audit log is the one that was written. */
  async verify(): Promise<AuditVerdict> {
    const { audit, database, self } = this.#components
    await audit.flush()
    return await verifyAudit(database, audit.journal, self.events)
  }

  /** Resolves when all that has changed in the files of this node by now is told and kept. */
  async look(): Promise<void> {
    await this.#watch.look()
  }
}
