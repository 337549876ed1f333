import type { Logger } from 'pino'
import { Breakers } from './agent/breakers.ts'
import { AskStore } from './asks/ask-store.ts'
import { DailyBytes } from './asks/daily-bytes.ts'
import { Audit } from './audit/audit.ts'
import { BackupLog } from './backup/backup-log.ts'
import type { Config } from './config.ts'
import { nextEpoch } from './epoch.ts'
import type { Home } from './home.ts'
import { openAccess } from './http/access.ts'
import type { Access } from './http/access.ts'
import { DeliveryStore } from './scheduler/delivery/delivery-store.ts'
import type { JobStore } from './scheduler/job-store.ts'
import type { JobsSource } from './scheduler/jobs-file.ts'
import { openJobs } from './scheduler/open-jobs.ts'
import { Runs } from './scheduler/runs.ts'
import type { Surroundings } from './surroundings.ts'
import { hostZone } from './zone.ts'

/** So much of an id is enough to tell the few nodes of one owner apart. */
const NODE_NAME_CHARS = 13

/** What a node reads from its database before any part of it is built. */
export interface Stores {
  asks: AskStore
  audit: Audit
  backups: BackupLog
  breakers: Breakers
  bytes: DailyBytes
  deliveries: DeliveryStore
  /** Which opening of this database it is. */
  epoch: number
  jobs: JobsSource
  leases: JobStore
  runs: Runs
  access: Access
}

export interface StoresInit {
  config: Pick<Config, 'name' | 'scheduler'>
  home: Pick<Home, 'jobs'>
  identity: { id: string }
  log: Logger
}

/** Those of this database. Nothing has started when this resolves. */
export async function openStores(
  surroundings: Pick<
    Surroundings,
    'clock' | 'database' | 'jobs' | 'lines' | 'random' | 'randomBytes'
  >,
  { config, home, identity, log }: StoresInit,
): Promise<Stores> {
  const { clock, database, random } = surroundings
  const node = config.name ?? identity.id.slice(0, NODE_NAME_CHARS)
  const runs = new Runs(database)
  return {
    asks: await AskStore.open(database, clock),
    audit: await Audit.open({ database, clock, lines: surroundings.lines('audit.log'), log }),
    backups: await BackupLog.open(database, clock),
    breakers: await Breakers.open({ database, clock, random, log }),
    bytes: await DailyBytes.open({ database, clock, zone: hostZone, log }),
    deliveries: await DeliveryStore.open(database),
    epoch: await nextEpoch(database),
    ...(await openJobs({ ...surroundings, runs, log }, { config: config.scheduler, home, node })),
    runs,
    access: await openAccess(surroundings),
  }
}
