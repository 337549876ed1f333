import { MemoryLevel } from 'memory-level'
import { pino } from 'pino'
import { identityOf } from '../../src/node/identity.ts'
import { KeyLogs } from '../../src/node/key-logs.ts'
import { Pins } from '../../src/node/pins.ts'
import type { PinsComponents } from '../../src/node/pins.ts'
import { Self } from '../../src/node/self.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { validateKeyLog } from '../../src/protocol/key-log.ts'
import { peerIdOf } from '../../src/protocol/peer-id.ts'
import type { Pin } from '../../src/protocol/pin.ts'
import { Database } from '../../src/store/database.ts'
import type { Store } from '../../src/store/database.ts'
import type { Branch } from './key-branch.ts'
import { LogTap } from './log-tap.ts'
import { ManualClock } from './manual-clock.ts'
import { peerOf } from './stub-pins.ts'

/** No node has said a bye. */
export const NO_BYES: PinsComponents['byes'] = {
  start: async () => undefined,
  since: () => undefined,
  review: () => undefined,
  onChange: () => () => undefined,
}

/** Peer id of the key that a branch has in force, or had before its end. */
export function keyOf({ seed }: Branch): string {
  return peerIdOf(publicKeyOf(seed))
}

/** Id of the node whose log a branch is of. */
export function idOfBranch({ events }: Branch): string {
  return validateKeyLog(events).id
}

/** The node of this log, as it is to itself. */
export function selfOf({ events, seed }: Branch): Self {
  return new Self(identityOf(events, seed))
}

/** The pin of this node under a name. */
export function pinOf(name: string, branch: Branch, pin: Partial<Pin> = {}): Pin {
  return peerOf(name, { id: idOfBranch(branch), ...pin }).pin
}

/** A node's pins over a disk in memory that outlives them, with a clock and a peers.yaml that a test turns. */
export class TestPins {
  readonly clock = new ManualClock()
  readonly log = new LogTap()
  readonly #level = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
  #file: Pin[]
  #edited: (pins: Pin[]) => void = () => undefined
  /** Writes wait for this. */
  #hold: Promise<void> = Promise.resolve()
  #started: { database: Database; keyLogs: KeyLogs; pins: Pins } | undefined

  constructor(pins: Pin[]) {
    this.#file = pins
  }

  get pins(): Pins {
    return this.#now.pins
  }

  get keyLogs(): KeyLogs {
    return this.#now.keyLogs
  }

  get database(): Database {
    return this.#now.database
  }

  async start(): Promise<void> {
    const database = await Database.over(this.#store(), 'memory')
    const { clock } = this
    const keyLogs = new KeyLogs({ database, clock })
    const pins = new Pins({
      source: {
        watch: async ({ onChange }) => {
          this.#edited = onChange
          onChange(this.#file)
          return async () => undefined
        },
        edit: async (edit) => {
          if (edit.op !== 'set-id') throw new TypeError('only what the pins do by themselves')
          const { id, name } = edit
          this.#file = this.#file.map((pin) => (pin.name === name ? withId(pin, id) : pin))
          return this.#file
        },
      },
      keyLogs,
      byes: NO_BYES,
      clock,
      log: pino({ level: 'debug', base: null }, this.log),
    })
    await pins.start()
    this.#started = { database, keyLogs, pins }
  }

  /** As after a crash: what was written is there, and nothing else. */
  async restart(): Promise<void> {
    await this.pins.stop()
    await this.start()
  }

  async stop(): Promise<void> {
    await this.pins.stop()
    await this.database.close()
  }

  /** Puts other pins in force, as an edit of peers.yaml does. */
  edit(pins: Pin[]): void {
    this.#file = pins
    this.#edited(pins)
  }

  /** Nothing that is written from now on gets onto the disk before the returned function is called. */
  holdWrites(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#hold = promise
    return resolve
  }

  /** The disk takes nothing more. */
  failWrites(): void {
    this.#hold = Promise.reject(new Error('no space'))
    this.#hold.catch(() => undefined)
  }

  /** Ids of the nodes whose key logs are on the disk. */
  async stored(): Promise<string[]> {
    return await this.database.sublevel('key-logs').keys().all()
  }

  get #now(): { database: Database; keyLogs: KeyLogs; pins: Pins } {
    if (this.#started === undefined) throw new TypeError('not started')
    return this.#started
  }

  #store(): Store {
    // One level is used as the other.
    const level = this.#level as unknown as Store
    return {
      batch: async (operations, options) => {
        await this.#hold
        await level.batch(operations, options)
      },
      close: () => level.close(),
      snapshot: () => level.snapshot(),
      sublevel: level.sublevel.bind(level),
    }
  }
}

function withId(pin: Pin, id: string): Pin {
  const pinned = { ...pin, id }
  delete pinned.key
  return pinned
}

/** Pins that are stopped after each test. Call it in `describe`, its result in tests. */
export function testPins(): (...pins: Pin[]) => Promise<TestPins> {
  let test: TestPins | undefined
  afterEach(async () => {
    await test?.stop()
    test = undefined
  })
  return async (...pins) => {
    test = new TestPins(pins)
    await test.start()
    return test
  }
}
