import assert from 'node:assert/strict'
import { pino } from 'pino'
import { HeadTrade } from '../../../src/node/audit/head-trade.ts'
import type { HeldHeads } from '../../../src/node/audit/held-heads.ts'
import type { Link } from '../../../src/node/link.ts'
import type { KnownPeer } from '../../../src/node/pins.ts'
import { auditHeadVerb } from '../../../src/node/verbs/audit-head.ts'
import { Guard } from '../../../src/node/guard.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { answerTo, askerPeer, NOW } from '../../helpers/ask-calls.ts'
import { AuditHome } from '../../helpers/audit-home.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { peerOf } from '../../helpers/stub-pins.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const DAY_MS = 86_400_000

describe('trade of heads', () => {
  let clock: ManualClock
  let peer: KnownPeer
  let asked: unknown[]
  let taken: number
  let opened: () => void
  let trade: HeadTrade
  let answer: () => Promise<never>

  beforeEach(() => {
    clock = new ManualClock()
    const bob = peerOf('bob')
    peer = { ...bob, pin: { ...bob.pin, allow: ['audit'] } }
    asked = []
    taken = 0
    answer = () => Promise.reject(new Error('it is older'))
    const link = {
      peer: { id: peer.id, key: peer.key },
      call: (verb: string, body: unknown) => {
        asked.push([verb, body])
        return answer()
      },
    } as unknown as Link
    const held: Pick<HeldHeads, 'kept' | 'prune' | 'take'> = {
      prune: () => Promise.resolve(0),
      kept: () =>
        Promise.resolve(
          [4, 9].map((seq) => ({
            seq,
            hash: new Uint8Array(32),
            signed: new Uint8Array(),
            receivedAt: 0,
          })),
        ),
      take: () => {
        taken++
        return Promise.resolve(undefined)
      },
    }
    trade = new HeadTrade({
      ...{ clock, held, log: pino({ level: 'silent' }) },
      links: {
        get: () => link,
        onOpen: (listener) => {
          opened = () => {
            listener(link)
          }
          return () => undefined
        },
      },
      pins: { byId: () => peer, keysOf: () => undefined, peers: () => [peer] },
    })
    trade.start()
  })
  afterEach(() => trade.stop())

  it('N12: asks a peer that may have ours for its head, and about the entries that are kept', async () => {
    opened()
    await trade.stop()
    assert.deepEqual(asked, [['audit.head', { at: [4, 9] }]])
    assert.equal(taken, 0)
  })

  it('N12: asks no peer that may not have ours', async () => {
    peer = { ...peer, pin: { ...peer.pin, allow: ['ask', 'status'] } }
    opened()
    clock.advance(DAY_MS)
    await trade.stop()
    assert.deepEqual(asked, [])
  })

  it('N12: asks once a day while the link stays, and not twice at once', async () => {
    const { promise, resolve } = Promise.withResolvers<never>()
    answer = () => promise
    opened()
    opened()
    clock.advance(DAY_MS)
    await new Promise(setImmediate)
    assert.equal(asked.length, 1)
    resolve({} as never)
    await new Promise(setImmediate)
    clock.advance(DAY_MS)
    await trade.stop()
    assert.equal(asked.length, 2)
  })
})

describe('audit.head', () => {
  const folder = tempFolder()
  let home: AuditHome

  beforeEach(async () => {
    home = await AuditHome.open(folder())
  })
  afterEach(() => home.database.close())

  const verb = () =>
    auditHeadVerb({
      heads: () => ({
        own: home.heads,
        held: { signedOf: (id) => Promise.resolve([Buffer.from(id)]) },
      }),
    })

  it('N12: is refused without the right to audit', () => {
    const guard = new Guard([verb()])
    const caller = askerPeer('bob', {}, { allow: ['ask', 'status'] })
    const call = answerTo(caller, 'audit.head', { at: [] })
    assert.throws(
      () => guard.admit(caller, call, NOW),
      (err) => isFailure(err, 'denied') && err.details.rule === 'allow',
    )
  })

  it('N12: gives the newest head, those that were asked about, and what is held of the caller', async () => {
    await home.record(5)
    const caller = askerPeer('bob', {}, { allow: ['audit'] })
    const call = answerTo(caller, 'audit.head', { at: [2, 5, 99] })
    const admitted = new Guard([verb()]).admit(caller, call, NOW)
    const end = (await admitted.verb.run(admitted.call)) as { at: unknown[]; held: unknown[] }
    assert.equal(end.at.length, 2)
    assert.deepEqual(end.held, [Buffer.from(caller.id)])
  })
})
