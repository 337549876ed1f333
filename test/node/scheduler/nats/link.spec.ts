import assert from 'node:assert/strict'
import { pino } from 'pino'
import { Link } from '../../../../src/node/scheduler/nats/link.ts'
import type { Session } from '../../../../src/node/scheduler/nats/session.ts'
import { isFailure } from '../../../../src/protocol/errors.ts'
import { ManualClock } from '../../../helpers/manual-clock.ts'

/** A connection that a test ends by hand. */
function heldSession(): { session: Session; end: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const end = (): void => {
    resolve(undefined)
  }
  const close = (): Promise<void> => {
    end()
    return Promise.resolve()
  }
  // Only its end matters to a link.
  const session = { ended: promise, close } as unknown as Session
  return { session, end }
}

describe('nats link', () => {
  let clock: ManualClock
  let lines: string[]
  let changes: number
  let open: () => Promise<Session>
  let link: Link

  beforeEach(() => {
    clock = new ManualClock()
    lines = []
    changes = 0
    const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) })
    link = new Link(
      { clock, random: () => 0.5, log },
      {
        servers: 'nats://127.0.0.1:1',
        open: async () => await open(),
        onOpen: () => Promise.resolve(),
        onChange: () => changes++,
      },
    )
  })

  it('tries for ever, with waits that grow to half a minute, and says each reason once', async () => {
    open = () => Promise.reject(new Error('connection refused'))
    let sleep = clock.nextSleep
    await link.start()
    const waits: number[] = []
    for (let attempt = 0; attempt < 9; attempt++) {
      const ms = await sleep
      waits.push(ms)
      sleep = clock.nextSleep
      clock.advance(ms)
    }
    assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
    assert.equal(lines.length, 1)
    assert.match(link.fault?.message ?? '', /refused/)
    assert.throws(
      () => link.session,
      (err: unknown) => isFailure(err, 'jobs-unreachable') && err.hint === 'kith doctor',
    )
    await link.stop()
    assert.equal(clock.timers, 0)
  })

  it('has a session while there is one, and soon another when it has ended', async () => {
    const sessions = [heldSession(), heldSession()]
    const [first, second] = sessions
    open = () => Promise.resolve(sessions.shift()?.session ?? Promise.reject(new Error('no more')))
    const sleep = clock.nextSleep
    await link.start()
    assert.equal(link.session, first?.session)
    assert.equal(link.fault, undefined)
    first?.end()
    clock.advance(await sleep)
    await new Promise(setImmediate)
    assert.equal(link.session, second?.session)
    assert.equal(changes, 3)
    await link.stop()
    assert.equal(clock.timers, 0)
  })
})
