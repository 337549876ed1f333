import assert from 'node:assert/strict'
import { pino } from 'pino'
import { PART_BACKOFF, SupervisedPart } from '../../../src/node/supervisor/supervised-part.ts'
import type { Part } from '../../../src/node/supervisor/supervised-part.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { LogTap } from '../../helpers/log-tap.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'

const NOW = 1_800_000_000_000

describe('a supervised part', () => {
  let clock: ManualClock
  let log: LogTap
  let done: string[]
  /** What the next starts throw, in order; then they go well. */
  let faults: Error[]

  beforeEach(() => {
    clock = new ManualClock(NOW)
    log = new LogTap()
    done = []
    faults = []
  })

  function supervised(part: Partial<Part> = {}): SupervisedPart {
    return new SupervisedPart(
      { clock, random: () => 0.5, log: pino({ base: null }, log) },
      {
        name: 'mesh',
        start: () => {
          done.push('start')
          const fault = faults.shift()
          if (fault !== undefined) throw fault
        },
        drain: (drainMs) => {
          done.push(`drain ${drainMs}`)
        },
        stop: () => {
          done.push('stop')
        },
        ...part,
      },
    )
  }

  it('runs once it has started, and is stopped when it has stopped', async () => {
    const part = supervised()
    assert.deepEqual(part.state, { part: 'mesh', state: 'stopped', since: NOW, restarts: 0 })
    await part.start()
    assert.equal(part.state.state, 'running')
    await part.drain(500)
    await part.stop()
    assert.equal(part.state.state, 'stopped')
    assert.deepEqual(done, ['start', 'drain 500', 'stop'])
  })

  it('G03: is stopped and started again after a backoff when it fails', async () => {
    const part = supervised()
    await part.start()
    part.fail(new Error('it broke'))
    await settled()
    const expected = {
      ...{ part: 'mesh', state: 'failed', since: NOW, failure: 'it broke', restarts: 0 },
      nextTryAt: NOW + PART_BACKOFF.baseMs,
    }
    assert.deepEqual(part.state, expected)
    assert.deepEqual(done, ['start', 'drain 0', 'stop'])
    clock.advance(PART_BACKOFF.baseMs - 1)
    assert.equal(part.state.state, 'failed')
    clock.advance(1)
    await settled()
    assert.deepEqual(done.slice(3), ['start'])
    assert.equal(part.state.state, 'running')
    assert.equal(part.state.restarts, 1)
    assert.equal(part.state.failure, 'it broke')
  })

  it('is stopped with what it has itself when it fails, as an object of a class is', async () => {
    class Held implements Part {
      readonly name = 'mesh'
      #open = false

      start(): void {
        this.#open = true
        throw new Error('it broke')
      }

      stop(): void {
        done.push(`was ${this.#open ? 'open' : 'closed'}`)
      }
    }
    const held = new Held()
    const part = new SupervisedPart(
      { clock, random: () => 0.5, log: pino({ base: null }, log) },
      held,
    )
    await part.start()
    assert.deepEqual(done, ['was open'])
    assert.ok(!log.lines.some(({ msg }) => msg === 'part did not stop cleanly'))
  })

  it('waits ever longer while its start fails, and tells why', async () => {
    faults = [new Error('one'), new Error('two'), new Error('three')]
    const part = supervised()
    await part.start()
    const waits: number[] = []
    for (const failure of ['one', 'two', 'three']) {
      assert.equal(part.state.failure, failure)
      const waitMs = (part.state.nextTryAt ?? 0) - clock.now()
      waits.push(waitMs)
      clock.advance(waitMs)
      await settled()
    }
    assert.deepEqual(waits, [1_000, 2_000, 4_000])
    assert.equal(part.state.state, 'running')
    assert.equal(log.lines.filter(({ msg }) => msg === 'part could not start').length, 3)
  })

  it('forgets what it failed of once it has run for a minute', async () => {
    faults = [new Error('one')]
    const part = supervised()
    await part.start()
    clock.advance(1_000)
    await settled()
    clock.advance(60_000)
    assert.equal(part.state.failure, undefined)
    part.fail(new Error('again'))
    await settled()
    assert.equal(part.state.nextTryAt, clock.now() + PART_BACKOFF.baseMs)
  })

  it('is not started again by a failure while it stops, nor after', async () => {
    const part = supervised()
    await part.start()
    await part.drain(0)
    part.fail(new Error('late'))
    await part.stop()
    part.fail(new Error('later'))
    clock.advance(600_000)
    assert.deepEqual(done, ['start', 'drain 0', 'stop'])
  })

  it('is not started again by a wait that was under way when it was stopped', async () => {
    const part = supervised()
    await part.start()
    part.fail(new Error('it broke'))
    await settled()
    await part.drain(0)
    await part.stop()
    clock.advance(600_000)
    assert.deepEqual(done, ['start', 'drain 0', 'stop'])
    assert.equal(part.state.state, 'stopped')
  })

  it('counts two failures in one breath as one', async () => {
    const part = supervised()
    await part.start()
    part.fail(new Error('one'))
    part.fail(new Error('two'))
    await settled()
    assert.deepEqual(done, ['start', 'drain 0', 'stop'])
    assert.equal(part.state.failure, 'one')
  })

  it('is started again though its stop fails', async () => {
    const part = supervised({
      stop: () => {
        throw new Error('no stop')
      },
    })
    await part.start()
    part.fail(new Error('it broke'))
    await settled()
    clock.advance(1_000)
    await settled()
    assert.equal(part.state.state, 'running')
    assert.ok(log.lines.some(({ msg }) => msg === 'part did not stop cleanly'))
  })

  it('is stopped though its stop fails, and can be started again', async () => {
    const part = supervised({
      stop: () => {
        throw new Error('no stop')
      },
    })
    await part.start()
    await part.drain(0)
    await assert.rejects(part.stop(), /no stop/)
    assert.equal(part.state.state, 'stopped')
    await part.start()
    assert.equal(part.state.state, 'running')
  })

  it('throws what a person has to mend, and is not started again', async () => {
    faults = [new KithError('invalid-file', 'line 3', { path: '/x' })]
    const part = supervised()
    await assert.rejects(
      part.start((err) => err instanceof KithError),
      { code: 'invalid-file' },
    )
    clock.advance(600_000)
    assert.deepEqual(done, ['start'])
  })
})

/** Resolves when the steps that were begun are done. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}
