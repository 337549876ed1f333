import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pino } from 'pino'
import { Alerts, ALERT_KINDS, isOpen } from '../../src/node/alerts.ts'
import type { Alert, AlertInit, AlertKind } from '../../src/node/alerts.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { Database } from '../../src/store/database.ts'
import { LogTap } from '../helpers/log-tap.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const MINUTE_MS = 60_000
const PER_MINUTE = 10
const MAX_ALERTS = 200

const frozen: AlertInit = {
  kind: 'peer-frozen',
  peer: 'bob',
  what: 'bob shows two key logs',
  hint: 'kith peers show bob',
}

describe('alerts', () => {
  const folder = tempFolder()
  let database: Database
  let clock: ManualClock
  let log: LogTap
  let alerts: Alerts
  /** Batches that were written, and whether each was durable. */
  let writes: { operations: number; durable: boolean }[]

  async function open(): Promise<void> {
    database = await Database.open(join(folder(), 'store'))
    const write = database.write.bind(database)
    database.write = async (operations, options) => {
      writes.push({ operations: operations.length, durable: options.durable })
      await write(operations, options)
    }
    alerts = new Alerts({
      database,
      clock,
      randomBytes: (count) => randomBytes(count),
      log: pino({ base: null, level: 'debug' }, log),
    })
    await alerts.start()
  }

  async function restart(): Promise<void> {
    alerts.stop()
    await database.close()
    await open()
  }

  beforeEach(async () => {
    clock = new ManualClock()
    log = new LogTap()
    writes = []
    await open()
  })
  afterEach(() => database.close())

  function raise(init: Partial<AlertInit>): void {
    alerts.raise({ ...frozen, ...init })
  }

  /** As many different alerts of a kind as its rate lets through. */
  function fill(kind: AlertKind, count: number): void {
    for (let n = 0; n < count; n++) {
      if (n > 0 && n % PER_MINUTE === 0) clock.advance(MINUTE_MS)
      raise({ kind, what: `${kind} ${n}` })
    }
    clock.advance(MINUTE_MS)
  }

  function whats(): string[] {
    return alerts.list().map(({ what }) => what)
  }

  it('are kept as they were raised, in order, and logged', () => {
    const at = clock.now()
    raise({})
    const [alert] = alerts.list()
    assert.deepEqual(alert, { ...frozen, id: alert?.id, at, count: 1, lastAt: at })
    raise({ kind: 'invite-burned', what: 'an invite was tried with wrong secrets' })
    assert.deepEqual(whats(), [frozen.what, 'an invite was tried with wrong secrets'])
    const lines = log.lines.map(({ kind, level, msg, peer }) => [level, msg, kind, peer])
    assert.deepEqual(lines, [
      [40, 'alert raised', 'peer-frozen', 'bob'],
      [40, 'alert raised', 'invite-burned', 'bob'],
    ])
  })

  it('have ids in their order, within a millisecond and when the clock goes back', async () => {
    raise({ what: '1' })
    raise({ what: '2' })
    clock.advance(-5_000)
    raise({ what: '3' })
    await restart()
    raise({ what: '4' })
    const ids = alerts.list().map(({ id }) => id)
    assert.deepEqual(ids, ids.toSorted())
    assert.equal(new Set(ids).size, 4)
    assert.deepEqual(whats(), ['1', '2', '3', '4'])
  })

  it('are there after a restart, with what became of them', async () => {
    raise({ what: 'open' })
    raise({ what: 'seen' })
    raise({ what: 'open' })
    clock.advance(5)
    await alerts.acknowledge({ id: alerts.list()[1]?.id ?? '' })
    const before = alerts.list()
    assert.deepEqual(
      before.map(({ count, seenAt }) => [count, seenAt]),
      [
        [2, undefined],
        [1, clock.now()],
      ],
    )
    await restart()
    assert.deepEqual(alerts.list(), before)
  })

  it('are on disk at once, without a stop', async () => {
    raise({})
    const before = alerts.list()
    await database.close()
    await open()
    assert.deepEqual(alerts.list(), before)
    assert.deepEqual(writes, [{ operations: 1, durable: true }])
  })

  describe('whose matter is over', () => {
    it('are seen, on disk at once; others stay open', async () => {
      raise({ what: 'open' })
      raise({ kind: 'approval-waiting', what: 'over' })
      raise({ kind: 'approval-waiting', what: 'open too' })
      clock.advance(5)
      alerts.settle('approval-waiting', ({ what }) => what === 'over')
      await database.close()
      await open()
      assert.deepEqual(
        alerts.list().map(({ seenAt, what }) => [what, seenAt]),
        [
          ['open', undefined],
          ['over', clock.now()],
          ['open too', undefined],
        ],
      )
    })

    it('are written once, and not at all when there is none', () => {
      raise({ kind: 'approval-waiting', what: 'over' })
      alerts.settle('approval-waiting', () => true)
      writes = []
      const before = alerts.list()
      clock.advance(5)
      alerts.settle('approval-waiting', () => true)
      alerts.settle('budget', () => true)
      assert.deepEqual(writes, [])
      assert.deepEqual(alerts.list(), before)
    })
  })

  describe('that say the same', () => {
    const differences: [what: string, init: Partial<AlertInit>][] = [
      ['kind', { kind: 'peer-retired' }],
      ['peer', { peer: 'carol' }],
      ['text', { what: 'bob shows three key logs' }],
    ]
    for (const [what, init] of differences) {
      it(`are one, and another ${what} is another alert`, () => {
        raise({})
        clock.advance(7)
        raise({ hint: 'another hint' })
        const [alert, ...rest] = alerts.list()
        assert.deepEqual(rest, [])
        assert.deepEqual([alert?.count, (alert?.lastAt ?? 0) - (alert?.at ?? 0)], [2, 7])
        raise(init)
        assert.equal(alerts.list().length, 2)
      })
    }

    it('are new once the first was seen', async () => {
      raise({})
      await alerts.acknowledge('all')
      raise({})
      assert.deepEqual(alerts.list().map(isOpen), [false, true])
    })

    it('are written once a minute at most, however often they come', async () => {
      raise({})
      for (let n = 0; n < 1_000; n++) raise({})
      assert.equal(writes.length, 1)
      clock.advance(MINUTE_MS)
      assert.deepEqual(writes[1], { operations: 1, durable: false })
      clock.advance(10 * MINUTE_MS)
      assert.equal(writes.length, 2)
      raise({})
      clock.advance(MINUTE_MS - 1)
      assert.equal(writes.length, 2)
      clock.advance(1)
      assert.equal(writes.length, 3)
      await restart()
      assert.equal(alerts.list()[0]?.count, 1_002)
    })

    it('are heard of once', () => {
      const heard: string[] = []
      const unlisten = alerts.onRaise(({ what }) => heard.push(what))
      raise({})
      raise({})
      raise({ what: 'else' })
      unlisten()
      raise({ what: 'unheard' })
      assert.deepEqual(heard, [frozen.what, 'else'])
    })
  })

  describe('of one kind', () => {
    it(`are kept one by one up to ${PER_MINUTE} a minute`, () => {
      fill('invite-burned', PER_MINUTE)
      fill('invite-burned', PER_MINUTE)
      assert.ok(whats().every((what) => what.startsWith('invite-burned')))
    })

    it('are counted in one alert beyond that, with no more writes', () => {
      for (let n = 0; n < 10_000; n++) raise({ kind: 'invite-reused', what: `stranger ${n}` })
      assert.equal(alerts.list().length, PER_MINUTE + 1)
      const rest = alerts.list().at(-1)
      assert.match(rest?.what ?? '', /^more of this kind/)
      assert.equal(rest?.count, 10_000 - PER_MINUTE)
      assert.equal(rest.peer, undefined)
      assert.equal(writes.length, PER_MINUTE + 1)
      raise({ kind: 'peer-frozen', what: 'another kind' })
      assert.equal(whats().at(-1), 'another kind')
      clock.advance(MINUTE_MS)
      raise({ kind: 'invite-reused', what: 'later' })
      assert.equal(whats().at(-1), 'later')
    })
  })

  describe('are bounded in number', () => {
    it('as many as may be are all kept', async () => {
      fill('peer-frozen', MAX_ALERTS)
      assert.equal(alerts.list().length, MAX_ALERTS)
      assert.equal(whats()[0], 'peer-frozen 0')
      await restart()
      assert.equal(alerts.list().length, MAX_ALERTS)
    })

    it('the oldest that was seen goes first', async () => {
      fill('peer-frozen', MAX_ALERTS)
      for (const index of [3, 5]) {
        await alerts.acknowledge({ id: alerts.list()[index]?.id ?? '' })
      }
      raise({ kind: 'peer-retired', what: 'new' })
      assert.equal(whats()[3], 'peer-frozen 4')
      raise({ kind: 'peer-retired', what: 'newer' })
      assert.deepEqual(whats().slice(2, 5), ['peer-frozen 2', 'peer-frozen 4', 'peer-frozen 6'])
      const before = alerts.list()
      await restart()
      assert.deepEqual(alerts.list(), before)
    })

    it('a flood of one kind drives out none of another', () => {
      raise({ kind: 'peer-frozen', what: 'the first' })
      fill('invite-burned', MAX_ALERTS + 50)
      assert.equal(alerts.list().length, MAX_ALERTS)
      assert.equal(whats()[0], 'the first')
      assert.equal(whats().at(-1), `invite-burned ${MAX_ALERTS + 49}`)
    })

    it('F63: what nobody has seen is never gone without a trace: the rest of its kind counts it', async () => {
      raise({ kind: 'peer-frozen', peer: 'bob', what: 'the first' })
      fill('invite-burned', MAX_ALERTS + 50)
      const check = (): void => {
        const [first, rest] = alerts.list()
        assert.deepEqual([first?.what, first?.peer, first?.count], ['the first', 'bob', 1])
        assert.match(rest?.what ?? '', /^more of this kind/)
        assert.equal(rest?.seenAt, undefined)
        const all = alerts.list().reduce((sum, { count }) => sum + count, 0)
        assert.equal(all, 1 + MAX_ALERTS + 50)
      }
      check()
      await restart()
      check()
      await log.line(({ msg }) => msg === 'alert only counted')
    })
  })

  it('hold text in one short line that is safe for a terminal', () => {
    const nasty = `a\u001B[2J\nb\u202E\u0007${'x'.repeat(1_000)}`
    alerts.raise({ kind: 'peer-frozen', peer: nasty, what: nasty, hint: nasty })
    const [alert] = alerts.list()
    for (const [text, most] of [
      [alert?.peer, 96],
      [alert?.what, 300],
      [alert?.hint, 300],
    ] as const) {
      assert.match(text ?? '', /^a bx+…$/)
      assert.equal(text?.length, most)
    }
  })

  it('can be written in every kind, and read in one that we do not know', async () => {
    for (const kind of [...ALERT_KINDS, 'of-the-future' as AlertKind]) raise({ kind })
    await restart()
    assert.deepEqual(
      alerts.list().map(({ kind }) => kind),
      [...ALERT_KINDS, 'of-the-future'],
    )
  })

  describe('acknowledged', () => {
    let first: Alert
    beforeEach(() => {
      raise({ what: '1' })
      raise({ what: '2' })
      const [alert] = alerts.list()
      assert.ok(alert)
      first = alert
    })

    it('one by one, each once', async () => {
      const [seen, ...rest] = await alerts.acknowledge({ id: first.id })
      assert.deepEqual([seen, rest], [{ ...first, seenAt: clock.now() }, []])
      assert.deepEqual(alerts.list().map(isOpen), [false, true])
      clock.advance(5)
      assert.deepEqual(await alerts.acknowledge({ id: first.id }), [])
      assert.deepEqual(alerts.list()[0], seen)
    })

    it('all at once', async () => {
      assert.equal((await alerts.acknowledge('all')).length, 2)
      assert.deepEqual(alerts.list().map(isOpen), [false, false])
      assert.deepEqual(await alerts.acknowledge('all'), [])
    })

    it('not when there is none of that id', async () => {
      await assert.rejects(alerts.acknowledge({ id: 'x' }), (err) =>
        isFailure(err, 'unknown-alert'),
      )
      assert.deepEqual(alerts.list().map(isOpen), [true, true])
    })
  })

  it('do not stop what they are about when the disk refuses them', async () => {
    database.write = () => Promise.reject(new Error('disk full'))
    raise({})
    await log.line(({ msg }) => msg === 'alerts could not be written')
    assert.equal(alerts.list().length, 1)
  })
})
