import assert from 'node:assert/strict'
import { pino } from 'pino'
import { Alerts, isOpen } from '../../../src/node/alerts.ts'
import type { Alert } from '../../../src/node/alerts.ts'
import { WireFailure } from '../../../src/node/answer.ts'
import type { PeerCallOptions } from '../../../src/node/caller.ts'
import { Fleet } from '../../../src/node/fleet/fleet.ts'
import type { FleetComponents } from '../../../src/node/fleet/fleet.ts'
import type { Peer } from '../../../src/node/pins.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import type { StatusEnd } from '../../../src/protocol/status.ts'
import { Database } from '../../../src/store/database.ts'
import { eventually } from '../../helpers/eventually.ts'
import { LogTap } from '../../helpers/log-tap.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { peerOf } from '../../helpers/stub-pins.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const INTERVAL_MS = 60_000
const CONFIG = { interval_seconds: 60, soak_hours: 24, self_audit: true }

/** What a peer does when it is asked: `away` has no link, `hangs` never answers. */
type Doing = 'well' | 'away' | 'denies' | 'hangs' | Partial<StatusEnd>

describe('the fleet', () => {
  const folder = tempFolder()
  let clock: ManualClock
  let startedAt: number
  let database: Database
  let alerts: Alerts
  let log: LogTap
  let fleet: Fleet
  let doing: Map<string, Doing>
  /** Names of the peers that were asked, in order. */
  let asked: string[]
  let tellLink: (id: string, up: boolean) => void

  beforeEach(async () => {
    clock = new ManualClock()
    doing = new Map()
    log = new LogTap()
    asked = []
    database = await Database.open(folder())
    alerts = new Alerts({ database, clock, randomBytes, log: pino({ level: 'silent' }) })
    await alerts.start()
    fleet = make()
    await fleet.start()
    startedAt = clock.now()
  })
  afterEach(async () => {
    await fleet.stop()
    alerts.stop()
    await database.close()
    assert.deepEqual(log.lines, [])
  })

  function make(): Fleet {
    const components: FleetComponents = {
      alerts,
      clock,
      caller: {
        call: async (peer, _verb, _body, schema, options) => schema.parse(await ask(peer, options)),
      },
      dialer: { state: () => ({ failures: 1, lastError: 'ECONNREFUSED' }) },
      links: {
        get: (id) => (doing.get(nameOf(id)) === 'away' ? undefined : {}),
        onChange: (listener) => {
          tellLink = (id, up) => {
            listener({ id, key: peerOf(nameOf(id)).key }, up)
          }
          return () => undefined
        },
      },
      log: pino({ level: 'error', base: null }, log),
      pins: {
        byName: (name) => pinned().find(({ pin }) => pin.name === name),
        onChange: () => () => undefined,
        peers: pinned,
      },
    }
    return new Fleet(components, { config: CONFIG, database, notReady: () => [] })
  }

  function pinned(): Peer[] {
    return [...doing.keys()].map((name) => peerOf(name))
  }

  async function ask(peer: Peer, { signal }: PeerCallOptions): Promise<StatusEnd> {
    const { name } = peer.pin
    asked.push(name)
    const does = doing.get(name) ?? 'away'
    if (does === 'away') {
      throw new KithError('unreachable', 'away', { peer: name, reason: 'ECONNREFUSED' })
    }
    if (does === 'denies') throw new WireFailure('denied', { rule: 'allow' })
    if (does === 'hangs') await aborted(signal)
    return statusOf(clock.now(), typeof does === 'string' ? {} : does)
  }

  /** One round of the node's own, to its end. */
  async function round(): Promise<void> {
    // Not beyond it: whoever is asked then has no time to answer before its time is over.
    clock.advance(INTERVAL_MS - ((clock.now() - startedAt) % INTERVAL_MS))
    await settled()
  }

  /** The first round of all. */
  async function begin(): Promise<void> {
    clock.advance(10_000)
    await settled()
  }

  async function settled(): Promise<void> {
    const now = clock.now()
    await eventually(() => {
      const late = fleet
        .report()
        .rows.filter(({ sampledAt, state }) => sampledAt < now && state !== 'denied')
      assert.deepEqual(late, [])
    })
  }

  async function rounds(count: number, what: () => void = () => undefined): Promise<void> {
    if (clock.now() === startedAt) await begin()
    for (let index = 0; index < count; index++) {
      what()
      await round()
    }
  }

  function open(): Alert[] {
    return alerts.list().filter(isOpen)
  }

  it('F46: a peer that comes and goes is one alert', async () => {
    doing.set('bob', 'well')
    await rounds(5)
    let turn = 0
    await rounds(30, () => doing.set('bob', turn++ % 2 === 0 ? 'away' : 'well'))
    assert.deepEqual(
      alerts.list().map(({ count, kind, what }) => [kind, what, count]),
      [['peer-health', 'bob does not answer', 1]],
    )
  })

  it('F46: an alert ends when its peer is green again', async () => {
    doing.set('bob', 'well')
    await rounds(5)
    await rounds(3, () => doing.set('bob', 'away'))
    assert.deepEqual(
      open().map(({ peer }) => peer),
      ['bob'],
    )
    await rounds(5, () => doing.set('bob', 'well'))
    assert.deepEqual(open(), [])
  })

  it('F46: a peer that is looked at for the first time is no alert', async () => {
    doing.set('bob', 'denies').set('cid', 'well')
    await rounds(12)
    assert.deepEqual(alerts.list(), [])
  })

  it('F46: goes on after a restart where it was', async () => {
    doing.set('bob', 'well')
    await rounds(5)
    await rounds(2, () => doing.set('bob', 'away'))
    await fleet.stop()
    fleet = make()
    await fleet.start()
    startedAt = clock.now()
    assert.equal(fleet.report().rows[0]?.steady.state, 'green')
    await round()
    assert.deepEqual(
      open().map(({ what }) => what),
      ['bob does not answer'],
    )
  })

  it('F48: a network of its own that is cut is one hint, and no alert of any peer', async () => {
    for (const name of ['bob', 'cid', 'dan']) doing.set(name, 'well')
    await rounds(5)
    await rounds(10, () => {
      for (const name of ['bob', 'cid', 'dan']) doing.set(name, 'away')
    })
    const { hints, rows, state } = fleet.report()
    assert.equal(state, 'offline')
    assert.deepEqual(
      hints.map(({ kind }) => kind),
      ['offline'],
    )
    assert.deepEqual(new Set(rows.map((row) => row.state)), new Set(['unreachable']))
    assert.deepEqual(alerts.list(), [])
  })

  it('F48: one of them that stays away alone is an alert', async () => {
    for (const name of ['bob', 'cid']) doing.set(name, 'well')
    await rounds(5)
    await rounds(3, () => doing.set('cid', 'away'))
    assert.deepEqual(
      open().map(({ peer }) => peer),
      ['cid'],
    )
  })

  it('asks a peer that refuses in every sixtieth round only', async () => {
    doing.set('bob', 'denies').set('cid', 'well')
    await rounds(120)
    assert.equal(asked.filter((name) => name === 'bob').length, 3)
  })

  it('asks nobody without a link by itself, and everybody when somebody wants to know', async () => {
    doing.set('bob', 'away')
    await rounds(3)
    assert.deepEqual(asked, [])
    await fleet.fresh()
    assert.deepEqual(asked, ['bob'])
  })

  it('asks a peer as soon as its link comes up', async () => {
    doing.set('bob', 'away')
    await rounds(1)
    doing.set('bob', 'well')
    tellLink(peerOf('bob').id, true)
    await eventually(() => {
      assert.equal(fleet.report().rows[0]?.state, 'green')
    })
  })

  it('asks more often while somebody watches, which has no say in alerts', async () => {
    doing.set('bob', 'well')
    await rounds(5)
    let told = 0
    const unwatch = fleet.watch(() => told++)
    doing.set('bob', 'away')
    for (let index = 0; index < 8; index++) {
      clock.advance(5_000)
      await settled()
    }
    unwatch()
    assert.ok(told >= 8)
    assert.equal(fleet.report().rows[0]?.state, 'unreachable')
    assert.deepEqual(alerts.list(), [])
  })

  it('F45: gives each peer its own time', async () => {
    doing.set('bob', 'hangs').set('cid', 'well')
    const looking = fleet.fresh(700)
    await eventually(() => {
      assert.deepEqual(asked.toSorted(), ['bob', 'cid'])
    })
    clock.advance(700)
    const { rows } = await looking
    assert.deepEqual(
      rows.map(({ name, reasons, state }) => [name, state, ...reasons]),
      [
        ['bob', 'unreachable', 'it did not answer within 0.7 s'],
        ['cid', 'green'],
      ],
    )
  })

  it('F46: keeps a sample where something has changed, and one now and then', async () => {
    doing.set('bob', 'well')
    await rounds(20)
    await rounds(2, () => doing.set('bob', 'away'))
    const peer = peerOf('bob')
    const samples = await fleet.history(peer, 50)

    assert.deepEqual(
      samples.map(({ at, state }) => [state, (at - startedAt) / INTERVAL_MS]),
      [
        ['unreachable', 21],
        ['green', 11],
        ['green', 1 / 6],
      ],
    )
    assert.equal((await fleet.history(peer, 1)).length, 1)
  })

  it('does not fail when the stop cuts a look short', async () => {
    doing.set('bob', 'hangs')
    const looking = fleet.fresh()
    await fleet.stop()
    assert.equal((await looking).rows[0]?.state, 'never-seen')
  })
})

function statusOf(at: number, change: Partial<StatusEnd>): StatusEnd {
  return {
    ...{ asks: { running: 0, queued: 0 }, engine: 'builtin', health: 'healthy' },
    ...{ software: 'kith/1', uptimeMs: 1, at, audit: { state: 'green', at } },
    ...change,
  }
}

async function aborted(signal: AbortSignal | undefined): Promise<never> {
  return await new Promise((_, reject) => {
    signal?.addEventListener('abort', () => {
      reject(new KithError('cancelled', 'cancelled', {}))
    })
  })
}

function nameOf(id: string): string {
  return ['bob', 'cid', 'dan'].find((name) => peerOf(name).id === id) ?? ''
}

function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count))
}
