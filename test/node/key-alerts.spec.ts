import assert from 'node:assert/strict'
import { MemoryLevel } from 'memory-level'
import { pino } from 'pino'
import { Alerts } from '../../src/node/alerts.ts'
import type { AlertInit } from '../../src/node/alerts.ts'
import { alertOnKeys } from '../../src/node/key-alerts.ts'
import { KeyLogs } from '../../src/node/key-logs.ts'
import { validateKeyLog } from '../../src/protocol/key-log.ts'
import { Database } from '../../src/store/database.ts'
import type { Store } from '../../src/store/database.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { peerOf } from '../helpers/stub-pins.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import {
  BEGAN_AT,
  COMPROMISE,
  inception,
  recovered,
  retired,
  rotated,
} from '../vectors/key-log-events.ts'
import type { Branch } from '../vectors/key-log-events.ts'
import { fromHex } from '../vectors/seeds.ts'

const HOUR_MS = 3_600_000

describe('alerts on keys', () => {
  const folder = tempFolder()
  let database: Database
  let clock: ManualClock
  let keyLogs: KeyLogs
  let raised: AlertInit[]
  let pinned: boolean
  let tellAhead: () => void

  beforeEach(async () => {
    database = await Database.open(folder())
    clock = new ManualClock()
    keyLogs = new KeyLogs({ database, clock })
    raised = []
    pinned = true
    alertOnKeys({
      alerts: { raise: (alert) => raised.push(alert) },
      keyLogs,
      pins: { byId: () => (pinned ? peerOf('bob') : undefined) },
      self: {
        onAhead: (listener) => {
          tellAhead = () => {
            listener([])
          }
          return () => undefined
        },
      },
    })
  })
  afterEach(() => database.close())

  /** Takes what bob shows. */
  async function show({ events }: Branch): Promise<void> {
    await keyLogs.take(events.map(fromHex))
  }

  function kinds(): string[] {
    return raised.map(({ kind }) => kind)
  }

  it('are silent when a key log is seen for the first time, and when it is shown again', async () => {
    const log = await rotated(await inception())
    await show(log)
    await show(log)
    await show(await inception())
    assert.deepEqual(raised, [])
  })

  const changes: [what: string, grow: (log: Branch) => Promise<Branch>, kinds: string[]][] = [
    ['a rotation', (log) => rotated(log), ['peer-rotated']],
    ['a stolen key', (log) => rotated(log, { change: COMPROMISE }), ['peer-compromised']],
    ['a recovery', (log) => recovered(log), ['peer-recovered']],
    ['a retirement', (log) => retired(log), ['peer-retired']],
    [
      'all that came while we were away',
      async (log) => await rotated(await rotated(log, { change: COMPROMISE })),
      ['peer-compromised', 'peer-rotated'],
    ],
  ]
  for (const [what, grow, expected] of changes) {
    it(`tell of ${what}, once, and name the peer`, async () => {
      const log = await inception()
      await show(log)
      const grown = await grow(log)
      await show(grown)
      await show(grown)
      assert.deepEqual(kinds(), expected)
      for (const { hint, peer, what: text } of raised) {
        assert.equal(peer, 'bob')
        assert.match(text, /\bbob\b/)
        assert.notEqual(hint, '')
      }
    })
  }

  it('tell since when a stolen key was not its owner’s alone', async () => {
    const log = await inception()
    await show(log)
    const lastGood = BEGAN_AT - HOUR_MS
    await show(await rotated(log, { change: { ...COMPROMISE, lastGood } }))
    assert.match(raised[0]?.what ?? '', /after 2025-12-31T23:00:00/)
  })

  it('tell of a fork once, and of its end', async () => {
    const log = await inception()
    await show(await rotated(log))
    const other = await rotated(log, { key: 'another key' })
    await show(other)
    await show(await rotated(other))
    assert.deepEqual(kinds(), ['peer-frozen'])
    clock.advance(HOUR_MS)
    await show(await recovered(log))
    assert.deepEqual(kinds(), ['peer-frozen', 'peer-recovered'])
  })

  it('are silent when a person settles what was told, and of a node that nobody has pinned', async () => {
    const log = await inception()
    const [one, two] = [await rotated(log), await rotated(log, { key: 'another key' })]
    for (const branch of [one, two]) await show(branch)
    const { head, id } = validateKeyLog(two.events.map(fromHex))
    assert.equal(await keyLogs.settle(id, head), true)
    assert.deepEqual(kinds(), ['peer-frozen'])
    pinned = false
    await show(await recovered(two))
    assert.deepEqual(kinds(), ['peer-frozen'])
  })

  describe('on disk', () => {
    /** For each batch, what kinds of rows it has. */
    let batches: string[][]
    let alerts: Alerts

    beforeEach(async () => {
      batches = []
      const level = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
      // One level is used as the other.
      const store = level as unknown as Store
      const recording: Store = {
        batch: async (operations, options) => {
          batches.push(operations.map(({ sublevel }) => sublevel.path(true)[0] ?? ''))
          await store.batch(operations, options)
        },
        close: () => store.close(),
        snapshot: () => store.snapshot(),
        sublevel: level.sublevel.bind(level) as Store['sublevel'],
      }
      const memory = await Database.over(recording, 'memory')
      keyLogs = new KeyLogs({ database: memory, clock })
      alerts = new Alerts({
        database: memory,
        clock,
        randomBytes: (count) => new Uint8Array(count),
        log: pino({ level: 'silent' }),
      })
      alertOnKeys({
        alerts,
        keyLogs,
        pins: { byId: () => peerOf('bob') },
        self: { onAhead: () => () => undefined },
      })
      await show(await inception())
      batches = []
    })

    const news: [what: string, logs: () => Promise<Branch[]>, alerts: number][] = [
      ['a rotation', async () => [await rotated(await inception())], 1],
      ['a recovery', async () => [await recovered(await inception())], 1],
      [
        'two rotations at once',
        async () => [await rotated(await rotated(await inception(), { change: COMPROMISE }))],
        2,
      ],
    ]
    for (const [what, logs, count] of news) {
      it(`those of ${what} are in one batch with the key log that says so`, async () => {
        for (const log of await logs()) await show(log)
        assert.equal(alerts.list().length, count)
        assert.deepEqual(
          batches.map((batch) => batch.sort()),
          [[...Array<string>(count).fill('alerts'), 'key-logs']],
        )
      })
    }

    it('that of a freeze is too, also while another write is under way', async () => {
      const log = await inception()
      const [one, two] = [await rotated(log), await rotated(log, { key: 'another key' })]
      await Promise.all([show(one), show(two)])
      for (const batch of batches) {
        const of = (kind: string): number => batch.filter((each) => each === kind).length
        assert.equal(of('alerts'), of('key-logs'), batch.join())
      }
      assert.deepEqual(
        alerts.list().map(({ kind }) => kind),
        ['peer-rotated', 'peer-frozen'],
      )
    })
  })

  it('tell when somebody holds a later key log of this very node', () => {
    tellAhead()
    assert.deepEqual(kinds(), ['own-key-log-ahead'])
  })
})
