import assert from 'node:assert/strict'
import { pino } from 'pino'
import { Announcer } from '../../src/node/announcer.ts'
import type { PeerStanding } from '../../src/node/announcer.ts'
import { identityOf } from '../../src/node/identity.ts'
import type { Self } from '../../src/node/self.ts'
import type { Body } from '../../src/protocol/message.ts'
import { validateKeyLog } from '../../src/protocol/key-log.ts'
import { KithError } from '../../src/protocol/errors.ts'
import { createReceipt } from '../../src/protocol/receipt.ts'
import type { Receipt } from '../../src/protocol/receipt.ts'
import { AnsweringLinks } from '../helpers/answering-links.ts'
import { eventually } from '../helpers/eventually.ts'
import { begin, rotate, stateOf } from '../helpers/key-branch.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { LogTap } from '../helpers/log-tap.ts'
import { peerOf, seedOf } from '../helpers/stub-pins.ts'
import { idOfBranch, keyOf, pinOf, selfOf, testPins } from '../helpers/test-pins.ts'
import type { TestPins } from '../helpers/test-pins.ts'

const SEEN_AT = 1_790_000_000_000

describe('announcer', () => {
  const make = testPins()
  const anna = begin('anna')
  const rotated = rotate(anna, 'second')
  const bert = begin('bert')
  const carol = begin('carol')
  const peers = { bert, carol }
  let test: TestPins
  let links: AnsweringLinks
  let self: Self
  let tap: LogTap
  let announcer: Announcer

  beforeEach(async () => {
    test = await make(pinOf('bert', bert), pinOf('carol', carol), peerOf('dave').pin)
    for (const { events } of [bert, carol]) await test.pins.take(events)
    links = new AnsweringLinks()
    self = selfOf(anna)
    await start()
  })
  afterEach(() => {
    announcer.stop()
    assert.equal(links.listeners, 0)
  })

  async function start(): Promise<void> {
    tap = new LogTap()
    const log = pino({ level: 'debug', base: null }, tap)
    announcer = new Announcer({ database: test.database, pins: test.pins, links, self, log })
    await announcer.start()
  }

  /** The log of this node becomes this one. */
  function follow({ events, seed }: Branch): void {
    self.follow(identityOf(events, seed))
  }

  function standing(name: string): PeerStanding {
    const peer = test.pins.byName(name)
    assert.ok(peer)
    return announcer.standing(peer)
  }

  /** The receipt of a peer that takes `log`, unless something of it is otherwise. */
  function receiptFor(
    by: Branch,
    { events }: Branch,
    init: Partial<Receipt & { seed: Uint8Array }> = {},
  ): Uint8Array {
    const { head, id, sn } = validateKeyLog(events)
    const seed = by.seed
    return createReceipt({ id, sn, head, by: idOfBranch(by), seenAt: SEEN_AT, seed, ...init })
  }

  async function up(name: keyof typeof peers, answer: Body | Promise<Body>): Promise<void> {
    const branch = peers[name]
    await links.up({ id: idOfBranch(branch), key: keyOf(branch) }, () => answer)
  }

  function down(name: keyof typeof peers): void {
    const branch = peers[name]
    links.down({ id: idOfBranch(branch), key: keyOf(branch) })
  }

  it('tells nobody of a log that has not changed', async () => {
    await up('bert', {})
    assert.deepEqual(links.calls, [])
    assert.deepEqual(['bert', 'dave'].map(standing), ['acknowledged', 'unseen'])
  })

  it('tells all that are linked, and keeps their receipts over a restart', async () => {
    await up('bert', { receipt: receiptFor(bert, rotated) })
    // Under the key before: what is announced is not yet in force here.
    await announcer.announce({ events: rotated.events, state: stateOf(rotated) })
    assert.deepEqual(
      links.calls.map(([id, { body, verb }]) => [id, verb, body]),
      [[idOfBranch(bert), 'key.announce', { log: rotated.events }]],
    )
    follow(rotated)
    assert.deepEqual(['bert', 'carol', 'dave'].map(standing), ['acknowledged', 'unseen', 'unseen'])
    announcer.stop()
    await start()
    assert.deepEqual(['bert', 'carol'].map(standing), ['acknowledged', 'unseen'])
    const kept = announcer.receiptOf(test.pins.byName('bert') ?? peerOf('bert'))
    assert.deepEqual([kept?.sn, kept?.seenAt, kept?.frozen], [1, SEEN_AT, false])
  })

  it('tells who comes later, once', async () => {
    follow(rotated)
    await up('carol', { receipt: receiptFor(carol, rotated) })
    await eventually(() => {
      assert.equal(standing('carol'), 'acknowledged')
    })
    down('carol')
    await up('carol', {})
    assert.equal(links.calls.length, 1)
  })

  it('tells again who knows an older log only', async () => {
    follow(rotated)
    await up('bert', { receipt: receiptFor(bert, rotated) })
    await announcer.announce()
    follow(rotate(rotated, 'third'))
    assert.equal(standing('bert'), 'unseen')
    await announcer.announce()
    // It said once more what it holds, and that is not the last event.
    assert.equal(standing('bert'), 'unseen')
    assert.equal(announcer.receiptOf(test.pins.byName('bert') ?? peerOf('bert'))?.sn, 1)
  })

  it('says who has frozen this node, and tells them again', async () => {
    follow(rotated)
    await up('bert', { receipt: receiptFor(bert, rotated), frozen: true })
    await announcer.announce()
    assert.equal(standing('bert'), 'frozen')
    down('bert')
    await up('bert', { receipt: receiptFor(bert, rotated) })
    await eventually(() => {
      assert.equal(standing('bert'), 'acknowledged')
    })
  })

  it('hears of a log of this node that it does not have', async () => {
    const seen: unknown[] = []
    self.onAhead((log) => seen.push(log))
    const stolen = rotate(rotated, 'stolen')
    follow(rotated)
    await up('bert', { receipt: receiptFor(bert, stolen), log: stolen.events })
    await tap.line(({ msg }) => msg === 'key log acknowledged')
    assert.deepEqual(seen, [stolen.events])
    assert.equal(standing('bert'), 'unseen')
  })

  const wrong: [what: string, receipt: () => Uint8Array][] = [
    ['that another key has signed', () => receiptFor(bert, rotated, { seed: seedOf('thief') })],
    ['for another node’s log', () => receiptFor(bert, carol)],
    ['in another node’s name', () => receiptFor(bert, rotated, { by: idOfBranch(carol) })],
    ['that is none', () => new Uint8Array(7)],
  ]
  for (const [what, receipt] of wrong) {
    it(`takes no receipt ${what}`, async () => {
      follow(rotated)
      await up('bert', { receipt: receipt() })
      await tap.line(({ msg }) => msg === 'key log not acknowledged')
      assert.equal(standing('bert'), 'unseen')
      await announcer.announce()
      assert.equal(standing('bert'), 'unseen')
    })
  }

  it('tells again, on its next link, who had too many calls to take it', async () => {
    follow(rotated)
    const refused = new KithError('rate-limited', 'too many', { retryAfterMs: 6_000 })
    const answer = Promise.reject<Body>(refused)
    answer.catch(() => undefined)
    await up('bert', answer)
    await tap.line(({ msg }) => msg === 'key log not acknowledged')
    assert.equal(standing('bert'), 'unseen')
    down('bert')
    await up('bert', { receipt: receiptFor(bert, rotated) })
    await eventually(() => {
      assert.equal(standing('bert'), 'acknowledged')
    })
    assert.equal(links.calls.length, 2)
  })

  it('does not wait for a peer that went away', async () => {
    follow(rotated)
    await up('bert', new Promise<Body>(() => undefined))
    const told = announcer.announce()
    down('bert')
    await told
    assert.equal(standing('bert'), 'unseen')
  })
})
