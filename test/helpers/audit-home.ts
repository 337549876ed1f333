import { join } from 'node:path'
import { pino } from 'pino'
import { Audit, openAuditJournal } from '../../src/node/audit/audit.ts'
import { OwnHeads } from '../../src/node/audit/own-heads.ts'
import { verifyAudit } from '../../src/node/audit/verify.ts'
import type { AuditVerdict } from '../../src/node/audit/verify.ts'
import { validateKeyLog } from '../../src/protocol/key-log.ts'
import { Database } from '../../src/store/database.ts'
import { keyLogOf } from './key-logs.ts'
import { ManualClock } from './manual-clock.ts'
import { seedOf } from './stub-pins.ts'

/** The audit log of the test node of a name, with what signs it, in a store of its own. */
export class AuditHome {
  readonly clock: ManualClock
  readonly database: Database
  readonly audit: Audit
  readonly heads: OwnHeads
  readonly keyLog: Uint8Array[]
  readonly id: string

  private constructor(
    init: Pick<AuditHome, 'audit' | 'clock' | 'database' | 'id' | 'keyLog'>,
    name: string,
  ) {
    const { audit, clock, database, id, keyLog } = init
    this.clock = clock
    this.database = database
    this.audit = audit
    this.keyLog = keyLog
    this.id = id
    const self = { id, secret: seedOf(name), state: validateKeyLog(keyLog) }
    this.heads = new OwnHeads({ audit, clock, database, log: pino({ level: 'silent' }), self })
  }

  static async open(folder: string, name = 'alice', clock = new ManualClock()): Promise<AuditHome> {
    const database = await Database.open(join(folder, `store of ${name}`))
    const { id, log: keyLog } = await keyLogOf(name)
    const lines = { write: () => undefined }
    const audit = await Audit.open({ clock, database, lines, log: pino({ level: 'silent' }) })
    return new AuditHome({ audit, clock, database, id, keyLog }, name)
  }

  /** Records so many entries, a minute apart. */
  async record(count: number): Promise<void> {
    for (let at = 0; at < count; at++) {
      this.audit.record({ kind: 'grants', who: 'owner', what: `nas gained right ${at}` })
      this.clock.advance(60_000)
    }
    await this.audit.flush()
  }

  async verify(): Promise<AuditVerdict> {
    return await verifyAudit(this.database, await openAuditJournal(this.database), this.keyLog)
  }
}

/** As the journal has it. */
export function entryKey(seq: number): string {
  return seq.toString(16).padStart(14, '0')
}
