import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { AlertInit } from '../../src/node/alerts.ts'
import { RotationRequests } from '../../src/node/rotation-requests.ts'
import { keyRequestVerb } from '../../src/node/verbs/key-request.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { KithError } from '../../src/protocol/errors.ts'
import {
  completeRotation,
  createRetirement,
  draftRotation,
  endorseRotation,
} from '../../src/protocol/key-log-create.ts'
import type { EndorsedRotation, RotationDraft } from '../../src/protocol/key-log-create.ts'
import { createRotationRequest } from '../../src/protocol/rotation-request.ts'
import { eventually } from '../helpers/eventually.ts'
import { begin, rotate, stateOf } from '../helpers/key-branch.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { peerOf, seedOf } from '../helpers/stub-pins.ts'
import { idOfBranch, pinOf, testPins } from '../helpers/test-pins.ts'
import type { TestPins } from '../helpers/test-pins.ts'

const AT = Date.UTC(2026, 10, 21, 9)

describe('rotation requests', () => {
  const make = testPins()
  const server = begin('server')
  const other = begin('other')
  const id = idOfBranch(server)
  const peer = { ...peerOf('server'), id }
  let test: TestPins
  let requests: RotationRequests
  let raised: AlertInit[]
  let settled: number[]
  /** Comes before any is settled. */
  let settling: Promise<void>
  /** What the rotation key, which is kept here, has endorsed. */
  let endorsed: RotationDraft[]
  let endorse: (draft: RotationDraft) => Promise<EndorsedRotation>

  beforeEach(async () => {
    test = await make(pinOf('server', server), pinOf('other', other))
    for (const { events } of [server, other]) await test.pins.take(events)
    raised = []
    settled = []
    settling = Promise.resolve()
    endorsed = []
    endorse = async (draft) => {
      endorsed.push(draft)
      const { rotationSeed } = server
      return endorseRotation(draft, { rotationSeed, nextRotationKey: publicKeyOf(seedOf('n')) })
    }
    start()
  })
  afterEach(() => requests.stop())

  function start(): void {
    requests = new RotationRequests({
      database: test.database,
      pins: test.pins,
      alerts: { raise: (alert) => raised.push(alert) },
      kept: {
        keeps: async () => true,
        keep: async () => undefined,
        endorse: (draft) => endorse(draft),
        settle: async (log) => {
          await settling
          settled.push(log.length)
        },
      },
      clock: test.clock,
      log: pino({ level: 'silent' }),
    })
    requests.start()
  }

  function draftOf(branch = server, key = 'fresh', at = AT): RotationDraft {
    return draftRotation(stateOf(branch), {
      key: publicKeyOf(seedOf(key)),
      why: 'routine',
      graceSeconds: 60,
      at,
    })
  }

  function requestOf(draft = draftOf(), by: Branch = server): Uint8Array {
    return createRotationRequest(draft, by.seed)
  }

  it('are taken once, told of once, and kept over a restart', async () => {
    const request = requestOf()
    for (let time = 0; time < 3; time++) {
      assert.equal(await requests.take(peer, request), undefined)
    }
    await requests.stop()
    start()
    assert.equal(await requests.take(peer, request), undefined)
    assert.deepEqual(
      raised.map(({ hint, kind, peer: about }) => [
        kind,
        about,
        hint.includes('kith key sign server'),
      ]),
      [['rotation-requested', 'server', true]],
    )
    const [waiting, ...others] = await requests.list()
    assert.deepEqual(others, [])
    assert.deepEqual(
      [waiting?.peer.pin.name, waiting?.draft, waiting?.request, waiting?.endorsed],
      ['server', draftOf(), request, undefined],
    )
  })

  it('are endorsed by a person, and fetched by asking again', async () => {
    const request = requestOf()
    await requests.take(peer, request)
    const given = await requests.endorse(request, undefined)
    assert.deepEqual(endorsed, [draftOf()])
    assert.deepEqual(await requests.take(peer, request), given)
    assert.deepEqual((await requests.list())[0]?.endorsed, given)
    const event = completeRotation(draftOf(), given, {
      seed: seedOf('fresh'),
      seedBefore: server.seed,
    })
    await test.pins.take([...server.events, event])
    await eventually(async () => {
      assert.deepEqual([await requests.list(), settled], [[], [2]])
    })
  })

  it('are endorsed as they were shown, though another one has come since', async () => {
    const [shown, thiefs] = [requestOf(), requestOf(draftOf(server, 'thief'))]
    await requests.take(peer, shown)
    test.clock.advance(10_000)
    await requests.take(peer, thiefs)
    await requests.endorse(shown, undefined)
    assert.deepEqual(endorsed, [draftOf()])
    // The one that waits is not that one, and stays as it is.
    assert.equal(await requests.take(peer, thiefs), undefined)
  })

  it('are endorsed without having come over the mesh', async () => {
    await requests.endorse(requestOf(), undefined)
    assert.deepEqual([endorsed.length, await requests.list()], [1, []])
  })

  it('follow each other no sooner than 10 s', async () => {
    await requests.take(peer, requestOf())
    test.clock.advance(4_000)
    const next = requestOf(draftOf(server, 'another'))
    await assert.rejects(requests.take(peer, next), {
      code: 'rate-limited',
      details: { retryAfterMs: 6_000 },
    })
    test.clock.advance(6_000)
    assert.equal(await requests.take(peer, next), undefined)
    assert.deepEqual((await requests.list())[0]?.request, next)
  })

  it('that come all at once are one, and the others wait', async () => {
    const many = Array.from({ length: 20 }, (_, i) => requestOf(draftOf(server, `key ${i}`)))
    const taken = await Promise.allSettled(many.map((request) => requests.take(peer, request)))
    assert.deepEqual(
      taken.map(({ status }) => status),
      many.map((_, i) => (i === 0 ? 'fulfilled' : 'rejected')),
    )
    for (const one of taken) {
      if (one.status === 'fulfilled') continue
      const { code, details } = one.reason as KithError
      assert.deepEqual([code, details], ['rate-limited', { retryAfterMs: 10_000 }])
    }
    assert.deepEqual([raised.length, (await requests.list())[0]?.request], [1, many[0]])
  })

  it('are not kept out by a clock that was set back', async () => {
    await requests.take(peer, requestOf())
    test.clock.stall(-3_600_000)
    assert.equal(await requests.take(peer, requestOf(draftOf(server, 'another'))), undefined)
  })

  const later = rotate(server, 'later')
  const unfit: [what: string, request: () => Uint8Array][] = [
    ['that is none', () => new Uint8Array(3)],
    ['that another key has signed', () => requestOf(draftOf(), other)],
    ['of another node', () => requestOf(draftOf(other), other)],
    ['of a node that is not pinned', () => requestOf(draftOf(begin('x')), begin('x'))],
    ['for a log that is not held here', () => requestOf(draftOf(later), later)],
    ['for the wrong number', () => requestOf({ ...draftOf(), sn: 2 })],
  ]
  for (const [what, request] of unfit) {
    it(`are refused ${what}, and nothing is kept`, async () => {
      await assert.rejects(requests.take(peer, request()), { code: 'bad-request' })
      assert.deepEqual([await requests.list(), raised], [[], []])
    })
  }

  it('are refused of a node that is frozen', async () => {
    const [one, two] = [rotate(server, 'one'), rotate(server, 'two')]
    await test.pins.take(one.events)
    const request = requestOf(draftOf(one), one)
    await requests.take(peer, request)
    assert.equal((await requests.list()).length, 1)
    await test.pins.take(two.events)
    await assert.rejects(requests.endorse(request, undefined), { code: 'bad-request' })
    assert.deepEqual(endorsed, [])
  })

  it('are refused of a node that has retired', async () => {
    const end = createRetirement(stateOf(server), { seed: server.rotationSeed, at: AT })
    await test.pins.take([...server.events, end])
    await assert.rejects(requests.endorse(requestOf(), undefined), { code: 'bad-request' })
  })

  it('that time has overtaken are not in the list, whatever a crash has left', async () => {
    await requests.take(peer, requestOf())
    await requests.stop()
    await test.pins.take(later.events)
    start()
    assert.deepEqual(await requests.list(), [])
  })

  it('stay as they are when the key that endorses does not open', async () => {
    const request = requestOf()
    await requests.take(peer, request)
    endorse = () => Promise.reject(new KithError('passphrase', 'sealed', { given: false }))
    await assert.rejects(requests.endorse(request, undefined), { code: 'passphrase' })
    assert.equal(await requests.take(peer, request), undefined)
  })

  it('hold up a stop while a kept key endorses, or is settled', async () => {
    const gates = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()] as const
    const [endorsing, settles] = gates
    const { rotationSeed } = server
    endorse = async (draft) => {
      await endorsing.promise
      return endorseRotation(draft, { rotationSeed, nextRotationKey: publicKeyOf(seedOf('n')) })
    }
    settling = settles.promise.then(() => undefined)
    const done: string[] = []
    const signed = requests.endorse(requestOf(), undefined).then(() => done.push('endorsed'))
    await test.pins.take(later.events)
    const stopped = requests.stop().then(() => done.push('stopped'))
    endorsing.resolve(undefined)
    await signed
    settles.resolve(undefined)
    await stopped
    assert.deepEqual([done, settled], [['endorsed', 'stopped'], [2]])
  })

  describe('by key.request', () => {
    /** What a peer gets for its call. */
    async function call(request: Uint8Array): Promise<unknown> {
      const verb = keyRequestVerb({ requests })
      const answer = undefined as never
      return await verb.run({ peer, body: { request }, answer, now: AT })
    }

    it('wait, and then are endorsed', async () => {
      const request = requestOf()
      assert.deepEqual(await call(request), { state: 'waiting' })
      const { bytes, signature } = await requests.endorse(request, undefined)
      assert.deepEqual(await call(request), { state: 'endorsed', bytes, signature })
    })

    it('are refused to a frozen peer and to an old key', () => {
      const { whenFrozen, withOldKey } = keyRequestVerb({ requests })
      assert.deepEqual([whenFrozen, withOldKey], [undefined, undefined])
    })
  })
})
