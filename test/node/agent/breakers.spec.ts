import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { Attempt } from '../../../src/agent/ports.ts'
import { Breakers } from '../../../src/node/agent/breakers.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { Database } from '../../../src/store/database.ts'
import { LogTap } from '../../helpers/log-tap.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const LAB = 'provider lab'

describe('breakers', () => {
  const folder = tempFolder()
  let clock: ManualClock
  let database: Database
  let breakers: Breakers
  let log: LogTap

  async function open(): Promise<void> {
    database = await Database.open(folder())
    breakers = await Breakers.open({
      database,
      clock,
      random: () => 0.5,
      log: pino({ base: null }, log),
    })
  }

  async function restart(): Promise<void> {
    await database.close()
    await open()
  }

  beforeEach(async () => {
    clock = new ManualClock()
    log = new LogTap()
    await open()
  })
  afterEach(() => database.close())

  function fail(times: number, name = LAB): void {
    for (let call = 0; call < times; call++) breakers.enter(name).failed()
  }

  /** When the next call may go through, or undefined when this one did. */
  function refusedUntil(name = LAB): number | undefined {
    try {
      breakers.enter(name).withdrawn()
      return undefined
    } catch (err) {
      assert.ok(isFailure(err, 'breaker-open'), String(err))
      return err.details.nextProbeAt
    }
  }

  function stateOf(name = LAB): string | undefined {
    return breakers.list().find((breaker) => breaker.name === name)?.state
  }

  it('refuse calls after failures, say when to come again and how to close it by hand', () => {
    fail(5)
    assert.equal(refusedUntil(), clock.now() + 30_000)
    assert.throws(() => breakers.enter(LAB), { hint: `kith breaker reset '${LAB}'` })
  })

  it('refuse nothing after fewer', () => {
    fail(4)
    assert.equal(refusedUntil(), undefined)
  })

  it('are each name’s own', () => {
    fail(5)
    assert.equal(refusedUntil('peer bob'), undefined)
    assert.deepEqual(
      breakers.list().map(({ name, state }) => [name, state]),
      [
        ['peer bob', 'closed'],
        [LAB, 'open'],
      ],
    )
  })

  it('let one of 50 through that come at the time of a probe', () => {
    fail(5)
    clock.advance(30_000)
    const through: Attempt[] = []
    for (let caller = 0; caller < 50; caller++) {
      try {
        through.push(breakers.enter(LAB))
      } catch (err) {
        assert.ok(isFailure(err, 'breaker-open'))
        assert.ok(err.details.nextProbeAt > clock.now())
      }
    }
    assert.equal(through.length, 1)
    through[0]?.succeeded()
    assert.equal(stateOf(), 'half-open')
    breakers.enter(LAB).succeeded()
    assert.equal(stateOf(), 'closed')
  })

  it('are not closed by time', () => {
    fail(5)
    clock.advance(86_400_000)
    assert.equal(stateOf(), 'open')
  })

  it('take an outcome once', () => {
    const attempt = breakers.enter(LAB)
    attempt.failed()
    assert.throws(() => {
      attempt.succeeded()
    }, TypeError)
  })

  it('are open after a restart as before it', async () => {
    fail(5)
    const before = breakers.list()
    await restart()
    assert.deepEqual(breakers.list(), before)
    assert.equal(refusedUntil(), clock.now() + 30_000)
  })

  it('count on after a restart', async () => {
    fail(4)
    await restart()
    fail(1)
    assert.equal(stateOf(), 'open')
  })

  it('make another probe where a restart has cut one off', async () => {
    fail(5)
    clock.advance(30_000)
    breakers.enter(LAB)
    await restart()
    breakers.enter(LAB).succeeded()
    await restart()
    breakers.enter(LAB).succeeded()
    assert.equal(stateOf(), 'closed')
  })

  it('are no longer on disk once nothing has failed through them', async () => {
    fail(5)
    clock.advance(30_000)
    for (let probe = 0; probe < 2; probe++) breakers.enter(LAB).succeeded()
    await restart()
    assert.deepEqual(breakers.list(), [])
  })

  it('are closed by a reset at once and for good, which tells how it was and how it is', async () => {
    fail(5)
    const openedAt = clock.now()
    assert.deepEqual(await breakers.reset(LAB), {
      before: { name: LAB, state: 'open', failures: 0, openedAt, nextProbeAt: openedAt + 30_000 },
      after: { name: LAB, state: 'closed', failures: 0 },
    })
    assert.equal(refusedUntil(), undefined)
    await restart()
    assert.equal(refusedUntil(), undefined)
  })

  it('have nothing to reset by a name that no call had', async () => {
    assert.equal(await breakers.reset('provider nobody'), undefined)
  })

  it('take no word after a reset from a call before it', async () => {
    const before = Array.from({ length: 9 }, () => breakers.enter(LAB))
    await breakers.reset(LAB)
    for (const attempt of before) attempt.failed()
    assert.equal(stateOf(), 'closed')
  })

  it('log each change, and no call', () => {
    fail(5)
    clock.advance(30_000)
    for (let probe = 0; probe < 2; probe++) breakers.enter(LAB).succeeded()
    assert.deepEqual(
      log.lines.map(({ from, to }) => [from, to]),
      [
        ['closed', 'open'],
        ['open', 'half-open'],
        ['half-open', 'closed'],
      ],
    )
  })
})
