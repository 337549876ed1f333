import assert from 'node:assert/strict'
import { Dispatcher } from '../../../src/node/dispatcher.ts'
import { Guard } from '../../../src/node/guard.ts'
import { identityOf } from '../../../src/node/identity.ts'
import { createLog } from '../../../src/node/log.ts'
import type { Self } from '../../../src/node/self.ts'
import { keyAnnounceVerb, keyLogVerb } from '../../../src/node/verbs/key-log.ts'
import { pingVerb } from '../../../src/node/verbs/ping.ts'
import { statusVerb } from '../../../src/node/verbs/status.ts'
import { WireFailure } from '../../../src/node/answer.ts'
import { publicKeyOf } from '../../../src/protocol/ed25519.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { ANNOUNCES_PER_MINUTE } from '../../../src/protocol/limits.ts'
import { validateKeyLog } from '../../../src/protocol/key-log.ts'
import type { Body } from '../../../src/protocol/message.ts'
import { readReceipt } from '../../../src/protocol/receipt.ts'
import type { Receipt } from '../../../src/protocol/receipt.ts'
import { keyAnnounceEnd, keyLogEnd, parseBody } from '../../../src/protocol/verbs.ts'
import { answerTo } from '../../helpers/ask-calls.ts'
import type { Branch } from '../../helpers/key-branch.ts'
import { begin, recover, rotate } from '../../helpers/key-branch.ts'
import { settle } from '../../helpers/memory-channel.ts'
import { idOfBranch, keyOf, pinOf, selfOf, testPins } from '../../helpers/test-pins.ts'
import type { TestPins } from '../../helpers/test-pins.ts'

const GRACE_MS = 60_000
const STATUS = {
  asks: { running: 0, queued: 0 },
  engine: 'builtin',
  health: 'healthy',
  software: 'kith/test',
  uptimeMs: 0,
} as const
const WINDOW_MS = 72 * 3_600_000

describe('the verbs of key logs', () => {
  const make = testPins()
  const node = begin('node')
  const first = begin('bert')
  const second = rotate(first, 'second', { graceSeconds: GRACE_MS / 1_000 })
  const third = rotate(second, 'third')
  const stolen = rotate(first, 'stolen')
  const carol = begin('carol')
  let test: TestPins
  let self: Self
  let dispatcher: Dispatcher

  beforeEach(async () => {
    test = await make(pinOf('bert', first), pinOf('carol', carol))
    for (const { events } of [first, carol]) await test.pins.take(events)
    self = selfOf(node)
    const { clock, pins } = test
    const guard = new Guard([
      pingVerb({ software: 'kith/test', startedAt: 0 }),
      statusVerb(() => STATUS),
      keyLogVerb({ pins, self }),
      keyAnnounceVerb({ pins, self }),
    ])
    const log = createLog('debug', test.log)
    dispatcher = new Dispatcher({ pins, guard, clock, log, incidentId: () => 'incident' })
  })

  /** The end of a call of whoever holds the key of `from`. */
  async function call(from: Branch, verb: string, body: Body): Promise<Body> {
    const peer = test.pins.byId(idOfBranch(from))
    assert.ok(peer?.id !== undefined)
    return await dispatcher.dispatch(
      answerTo({ ...peer, id: peer.id, key: keyOf(from) }, verb, body),
    )
  }

  /** How the call of whoever holds the key of `from` is refused. */
  async function refusal(from: Branch, verb: string, body: Body): Promise<string> {
    try {
      await call(from, verb, body)
      return 'none'
    } catch (err) {
      if (err instanceof WireFailure) return `${err.code} ${JSON.stringify(err.details)}`
      assert.ok(isFailure(err), String(err))
      return `${err.code}, without a word`
    }
  }

  async function logOf(from: Branch, id?: string): Promise<Uint8Array[]> {
    const end = await call(from, 'key.log', id === undefined ? {} : { id })
    return parseBody(keyLogEnd, end).log
  }

  async function announce(
    shown: Branch,
    from = carol,
  ): Promise<{ receipt: Receipt; frozen?: true; log?: Uint8Array[] }> {
    const end = parseBody(
      keyAnnounceEnd,
      await call(from, 'key.announce', { log: [...shown.events] }),
    )
    return { ...end, receipt: readReceipt(end.receipt, publicKeyOf(self.secret)) }
  }

  describe('key.log', () => {
    it('gives our own log, as it is now', async () => {
      assert.deepEqual(await logOf(carol), node.events)
      const rotated = rotate(node, 'node, rotated')
      self.follow(identityOf(rotated.events, rotated.seed))
      assert.deepEqual(await logOf(carol, self.id), rotated.events)
    })

    it('gives what is held of a node that is pinned', async () => {
      await test.pins.take(second.events)
      assert.deepEqual(await logOf(carol, idOfBranch(first)), second.events)
    })

    it('gives a node that was restored what has become of it, while its old key has grace', async () => {
      await test.pins.take(second.events)
      assert.deepEqual(await logOf(first, idOfBranch(first)), second.events)
    })

    it('gives none of a node that is not pinned, or was never seen', async () => {
      test.edit([pinOf('carol', carol), pinOf('dora', begin('dora'))])
      for (const other of [first, begin('dora')]) {
        const refused = await refusal(carol, 'key.log', { id: idOfBranch(other) })
        assert.equal(refused, 'bad-request {"what":"id"}')
      }
    })
  })

  describe('key.announce', () => {
    it('takes a log, and gives a receipt that can be shown to anybody', async () => {
      test.clock.advance(5_000)
      const seenAt = test.clock.now()
      const { frozen, log, receipt } = await announce(second, first)
      const { head, sn } = validateKeyLog(second.events)
      const expected = { id: idOfBranch(first), sn, head, by: self.id, seenAt }
      assert.deepEqual([receipt, frozen, log], [expected, undefined, undefined])
      assert.equal(test.pins.byName('bert')?.key, keyOf(second))
    })

    it('gives the receipt again, with the time of the first', async () => {
      const { receipt } = await announce(second)
      test.clock.advance(5_000)
      assert.deepEqual(await announce(second), { receipt })
    })

    it('gives a receipt when the log is on disk, and not before', async () => {
      const release = test.holdWrites()
      let given = 0
      const ends = [announce(second, first), announce(second)]
      for (const end of ends) void end.then(() => given++)
      await settle()
      assert.equal(given, 0)
      release()
      await Promise.all(ends)
      await test.restart()
      assert.equal(test.pins.byName('bert')?.key, keyOf(second))
    })

    it('gives none when the disk refuses the log', async () => {
      test.failWrites()
      assert.equal(
        await refusal(first, 'key.announce', logBody(second)),
        'internal {"incident":"incident"}',
      )
    })

    it('answers an older log with the newer one, and a receipt for that', async () => {
      await announce(third)
      const { log, receipt } = await announce(second)
      assert.deepEqual(log, third.events)
      assert.equal(receipt.sn, 2)
    })

    it('says that the node is frozen, and what is held of it', async () => {
      await announce(second)
      const { frozen, log, receipt } = await announce(stolen)
      assert.equal(frozen, true)
      assert.deepEqual(log, second.events)
      assert.deepEqual(receipt.head, validateKeyLog(second.events).head)
      assert.deepEqual(await announce(second), { frozen, receipt })
      assert.equal((await announce(recover(first, 'recovered'))).frozen, undefined)
    })

    it('tells this node of a log of its own that it does not have', async () => {
      const told: (readonly Uint8Array[])[] = []
      self.onAhead((log) => told.push(log))
      const ahead = rotate(node, 'node, rotated')
      const refused = await refusal(carol, 'key.announce', logBody(ahead))
      assert.equal(refused, 'bad-request {"what":"log: its node is not pinned"}')
      assert.deepEqual(told, [ahead.events])
    })

    const forged = rotate({ ...first, rotationSeed: first.recoverySeed }, 'thief')
    const refused: [name: string, log: Uint8Array[], why: string][] = [
      ['of a node that is not pinned', begin('dora').events, 'its node is not pinned'],
      ['that is none', [Uint8Array.of(0xff)], 'not canonical'],
      ['without its rotation key', forged.events, 'wrong commitment'],
    ]
    for (const [name, log, why] of refused) {
      it(`refuses a log ${name}, says why, and keeps nothing`, async () => {
        const before = await test.stored()
        assert.equal(
          await refusal(carol, 'key.announce', { log }),
          `bad-request {"what":"log: ${why}"}`,
        )
        assert.deepEqual(await test.stored(), before)
        assert.equal(test.pins.byName('bert')?.key, keyOf(first))
      })
    }

    it('says that the node is frozen when a recovery comes too late', async () => {
      await announce(stolen)
      test.clock.advance(WINDOW_MS)
      const { frozen, log, receipt } = await announce(recover(first, 'recovered'))
      assert.deepEqual([frozen, log, receipt.sn], [true, stolen.events, 1])
    })
  })

  const calls: [verb: string, body: Body][] = [
    ['ping', { nonce: new Uint8Array(4) }],
    ['status', {}],
    ['key.log', {}],
    ['key.announce', logBody(second)],
  ]

  it('are all that a superseded key has, for its grace; then it has nothing', async () => {
    await announce(second)
    const answered = async (): Promise<string[]> =>
      await Promise.all(calls.map(([verb, body]) => refusal(first, verb, body)))
    assert.deepEqual(await answered(), ['rotated {}', 'rotated {}', 'none', 'none'])
    test.clock.advance(GRACE_MS)
    assert.deepEqual(
      await answered(),
      calls.map(() => 'not-pinned, without a word'),
    )
  })

  it('are answered to a frozen node, as ping is, and nothing else', async () => {
    await announce(second)
    await announce(stolen)
    const allow = ['ping', 'status'] as const
    test.edit([pinOf('bert', first, { allow: [...allow] }), pinOf('carol', carol)])
    const answered = await Promise.all(calls.map(([verb, body]) => refusal(second, verb, body)))
    assert.deepEqual(answered, ['none', 'frozen {}', 'none', 'none'])
    await announce(recover(first, 'recovered'))
    assert.equal(await refusal(recover(first, 'recovered'), 'status', {}), 'none')
  })

  it('announces of a thief with the key before take nothing from the one in force', async () => {
    const third = rotate(second, 'third', { graceSeconds: GRACE_MS / 1_000 })
    const refused = 'rate-limited {"retryAfterMs":6000}'
    await announce(second)
    for (let n = 0; n < ANNOUNCES_PER_MINUTE; n++) {
      assert.equal(await refusal(first, 'key.announce', logBody(second)), 'none')
    }
    assert.equal(await refusal(first, 'key.announce', logBody(second)), refused)
    assert.equal(await refusal(second, 'key.announce', logBody(third)), 'none')
    // What is an old key now has no rate of its own beside that of the one before.
    assert.equal(await refusal(second, 'key.announce', logBody(third)), refused)
    assert.equal(await refusal(third, 'key.announce', logBody(third)), 'none')
  })

  it('announces more than a node may in a minute are refused, whichever key is in force', async () => {
    await announce(second)
    const log = logBody(second)
    for (let n = 0; n < ANNOUNCES_PER_MINUTE; n++) {
      for (const from of [first, second]) {
        assert.equal(await refusal(from, 'key.announce', log), 'none')
      }
    }
    const refused = 'rate-limited {"retryAfterMs":6000}'
    for (const from of [first, second]) {
      assert.equal(await refusal(from, 'key.announce', log), refused)
      assert.equal(await refusal(from, 'key.log', {}), 'none')
    }
    // Others have a rate of their own.
    assert.equal(await refusal(carol, 'key.announce', log), 'none')
    test.clock.advance(6_000)
    assert.equal(await refusal(second, 'key.announce', log), 'none')
  })

  it('called without end with the key before take nothing from the one in force', async () => {
    test.edit([pinOf('bert', first, { callsPerMinute: 2 }), pinOf('carol', carol)])
    await announce(second)
    const answered: string[] = []
    for (let i = 0; i < 3; i++) answered.push(await refusal(first, 'key.log', {}))
    assert.deepEqual(answered, ['none', 'none', 'rate-limited {"retryAfterMs":30000}'])
    assert.equal(await refusal(second, 'key.log', {}), 'none')
  })
})

function logBody({ events }: Branch): Body {
  return { log: [...events] }
}
