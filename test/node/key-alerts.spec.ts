import assert from 'node:assert/strict'
import type { AlertInit } from '../../src/node/alerts.ts'
import { alertOnKeys } from '../../src/node/key-alerts.ts'
import { KeyLogs } from '../../src/node/key-logs.ts'
import type { KeyLogChange } from '../../src/node/key-logs.ts'
import type { Peer } from '../../src/node/pins.ts'
import { Database } from '../../src/store/database.ts'
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
  let tell: (peer: Peer, change: KeyLogChange) => void
  let tellAhead: () => void

  beforeEach(async () => {
    database = await Database.open(folder())
    clock = new ManualClock()
    keyLogs = new KeyLogs({ database, clock })
    raised = []
    alertOnKeys({
      alerts: { raise: (alert) => raised.push(alert) },
      pins: {
        onKeyLogChange: (listener) => {
          tell = listener
          return () => undefined
        },
      },
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

  /** Takes what bob shows, as his pin does. */
  async function show({ events }: Branch): Promise<void> {
    const change = await keyLogs.take(events.map(fromHex))
    if (change.kind !== 'same' && change.kind !== 'older') tell(peerOf('bob'), change)
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

  it('tell when somebody holds a later key log of this very node', () => {
    tellAhead()
    assert.deepEqual(kinds(), ['own-key-log-ahead'])
  })
})
