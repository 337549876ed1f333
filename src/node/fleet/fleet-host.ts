import type { Logger } from 'pino'
import type { Database } from '../../store/database.ts'
import type { Alerts } from '../alerts.ts'
import type { Answerer } from '../asks/answerer.ts'
import type { BackupDesk } from '../backup/backup-desk.ts'
import type { Caller } from '../caller.ts'
import { selfAudit } from '../checks/self-audit.ts'
import type { SelfAudited } from '../checks/self-audit.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Dialer } from '../dialer.ts'
import type { HealthWatch } from '../health/health-watch.ts'
import type { Links } from '../links.ts'
import type { Pins } from '../pins.ts'
import { PolicyTelemetry } from '../policy/telemetry.ts'
import type { Self } from '../self.ts'
import { AlertSender } from './alert-sender.ts'
import { Fleet } from './fleet.ts'
import { notReadyIn } from './not-ready.ts'
import { OwnStatus } from './own-status.ts'

/** What it looks at, once it has started: a `KithNode` is one. */
export interface FleetNode extends SelfAudited {
  readonly alerts: Alerts
  readonly answerer: Pick<Answerer, 'counts' | 'engine'>
  readonly backups: Pick<BackupDesk, 'records'>
  readonly caller: Caller
  readonly clock: Clock
  readonly config: Config
  readonly dialer: Dialer
  readonly health: Pick<HealthWatch, 'components' | 'overall'>
  readonly links: Links
  readonly log: Logger
  readonly pins: Pins
  readonly self: Pick<Self, 'events' | 'id'>
  readonly startedAt: number
}

/** What this node knows of its peers' health, what it tells them of its own, and what its rules did with their calls. */
export class FleetHost {
  readonly own: OwnStatus
  readonly sender: AlertSender
  readonly policy: PolicyTelemetry
  readonly view: Fleet

  /** Nothing of `node` but its clock, log and config is there yet. */
  constructor(node: FleetNode, { database, random }: { database: Database; random: () => number }) {
    const { clock, config, log } = node
    const notReady = (): string[] => notReadyIn(node.health.components())
    const pins = { peers: () => node.pins.peers() }
    this.policy = new PolicyTelemetry({ database, pins, clock, log })
    this.own = new OwnStatus(
      {
        now: () => ({
          asks: node.answerer.counts,
          engine: node.answerer.engine,
          health: node.health.overall(),
        }),
        selfAudit: async () => await selfAudit(node),
        backupAt: () => node.backups.records.ages.madeAt,
        ...{ clock, log, notReady },
      },
      { startedAt: node.startedAt, audit: config.fleet.self_audit },
    )
    this.sender = new AlertSender(node, { database, random, sink: config.alerts })
    this.view = new Fleet(node, { config: config.fleet, database, notReady })
  }

  async start(): Promise<void> {
    await this.policy.start()
    await this.sender.start()
    this.own.start()
    await this.view.start()
  }

  async stop(): Promise<void> {
    await this.view.stop()
    await this.own.stop()
    await this.sender.stop()
    await this.policy.stop()
  }
}
