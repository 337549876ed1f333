import { join } from 'node:path'
import { pino } from 'pino'
import type { AlertInit } from '../../src/node/alerts.ts'
import { Byes } from '../../src/node/byes.ts'
import { KeyLogs } from '../../src/node/key-logs.ts'
import { Pins } from '../../src/node/pins.ts'
import type { Pin } from '../../src/protocol/pin.ts'
import { Database } from '../../src/store/database.ts'
import type { Branch } from './key-branch.ts'
import { ManualClock } from './manual-clock.ts'
import { tempFolder } from './temp-folder.ts'
import { keyOf, pinOf } from './test-pins.ts'

/** Where a node keeps byes, with its pins, over as many starts as a test likes. */
export class ByeHome {
  readonly clock = new ManualClock()
  readonly raised: AlertInit[] = []
  /** Batches that were written. */
  writes = 0
  /** Writes wait for this. */
  hold: Promise<void> = Promise.resolve()
  pins: Pin[]
  readonly #folder: string
  #edited: (pins: Pin[]) => void = () => undefined
  #open: { database: Database; byes: Byes; inForce: Pins } | undefined

  constructor(folder: string, pins: Pin[]) {
    this.#folder = folder
    this.pins = pins
  }

  async start(): Promise<void> {
    const database = await Database.open(join(this.#folder, 'store'))
    const write = database.write.bind(database)
    database.write = async (operations, options) => {
      this.writes++
      await this.hold
      await write(operations, options)
    }
    const { clock } = this
    const log = pino({ level: 'silent' })
    const alerts = { raise: (alert: AlertInit) => void this.raised.push(alert) }
    const byes = new Byes({ database, alerts, clock, log })
    const source = {
      watch: async ({ onChange }: { onChange: (pins: Pin[]) => void }) => {
        this.#edited = onChange
        onChange(this.pins)
        return async () => undefined
      },
      edit: async () => this.pins,
    }
    const keyLogs = new KeyLogs({ database, clock })
    const inForce = new Pins({ source, keyLogs, byes, clock, log })
    await inForce.start()
    this.#open = { database, byes, inForce }
  }

  async stop(): Promise<void> {
    await this.inForce.stop()
    await this.#now.database.close()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  get byes(): Byes {
    return this.#now.byes
  }

  get inForce(): Pins {
    return this.#now.inForce
  }

  /** Puts other pins in force, as an edit of peers.yaml does. */
  edit(...pins: Pin[]): void {
    this.pins = pins
    this.#edited(pins)
  }

  /** Pins and meets the node of this log. */
  async meet(name: string, branch: Branch, pin: Partial<Pin> = {}): Promise<void> {
    this.edit(...this.pins, pinOf(name, branch, pin))
    await this.inForce.learn(branch.events, keyOf(branch))
  }

  get #now(): { database: Database; byes: Byes; inForce: Pins } {
    if (this.#open === undefined) throw new TypeError('not started')
    return this.#open
  }
}

/** Started without pins for each test, and stopped after it. Call it in `describe`, its result in tests. */
export function byeHomes(): () => ByeHome {
  const folder = tempFolder()
  let home: ByeHome
  beforeEach(async () => {
    home = new ByeHome(folder(), [])
    await home.start()
  })
  afterEach(() => home.stop())
  return () => home
}
