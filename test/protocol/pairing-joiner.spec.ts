import assert from 'node:assert/strict'
import { encode } from '../../src/protocol/cbor.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import type { Invite } from '../../src/protocol/invite.ts'
import { MAX_PAIRING_ADDRESSES, PAIRING_FINISH_MS } from '../../src/protocol/limits.ts'
import { macOf, offerTranscript } from '../../src/protocol/pairing-messages.ts'
import type { DoneMessage, OfferMessage } from '../../src/protocol/pairing-messages.ts'
import { stepInviter } from '../../src/protocol/pairing-inviter.ts'
import type { InviterRecord } from '../../src/protocol/pairing-inviter.ts'
import {
  giveUpJoin,
  isOverdue,
  joinAgain,
  joinerOpening,
  stepJoiner,
} from '../../src/protocol/pairing-joiner.ts'
import type { JoinerContext, JoinerRecord } from '../../src/protocol/pairing-joiner.ts'
import { pinDue, pinned } from '../../src/protocol/pairing.ts'
import type { PairingStep } from '../../src/protocol/pairing.ts'
import { EXPIRES, NOW, PairingNode, invited, joining } from '../helpers/pairing.ts'
import { seedOf } from '../helpers/stub-pins.ts'

type Step = PairingStep<JoinerRecord>

/** A joiner that has proposed, and what the inviter says to it. */
interface Offered {
  record: JoinerRecord
  pending: InviterRecord
  offer: OfferMessage
}

/** The same after its commit. */
interface Committed extends Offered {
  half: Step
  taken: InviterRecord
  done: DoneMessage
}

describe('a joiner', () => {
  let alice: PairingNode
  let bob: PairingNode
  let invite: Invite
  let open: InviterRecord
  let fresh: JoinerRecord

  beforeEach(() => {
    alice = new PairingNode('alice')
    bob = new PairingNode('bob')
    ;({ invite, record: open } = invited(alice))
    fresh = joining(bob, invite)
  })

  it('wants all that is offered, or what it is told', () => {
    assert.deepEqual(fresh.wants, ['ping', 'ask'])
    assert.deepEqual(joining(bob, invite, { wants: ['ping'] }).wants, ['ping'])
    assert.throws(
      () => joining(bob, invite, { wants: ['ping', 'status'] }),
      (err) => isFailure(err, 'usage') && err.hint === 'it offers: ping, ask',
    )
  })

  it('does not redeem an invite of its own', () => {
    assert.throws(
      () => joining(alice, invite),
      (err) => isFailure(err, 'usage') && err.hint !== undefined,
    )
  })

  it('proposes with as many addresses as are taken', () => {
    const ownAddresses = Array.from({ length: 9 }, (_, i) => `/ip4/10.0.0.${i}/tcp/7423`)
    const { message } = opening(fresh, { ownAddresses })
    assert.ok(message.t === 'propose')
    assert.deepEqual(message.addresses, ownAddresses.slice(0, MAX_PAIRING_ADDRESSES))
  })

  it('proposes the same again until it gets an answer', () => {
    const first = opening(fresh)
    const second = opening(first.record)
    assert.deepEqual(second, first)
  })

  it('commits to the offer, and says so again when it comes again, or on another connection', () => {
    const { half, offer, record } = committed()
    assert.ok(half.reply?.t === 'commit')
    assert.deepEqual(half.effects, [])
    assert.equal(half.record.state.is, 'half')
    assert.deepEqual(stepJoiner(half.record, offer, at()).reply, half.reply)
    assert.equal(stepJoiner(half.record, offer, at()).record, half.record)
    assert.deepEqual(opening(half.record), { record: half.record, message: half.reply })
    assert.notEqual(half.record, record)
  })

  it('pins the inviter once it is told that it is pinned itself', () => {
    const { done, half, taken } = committed()
    const paired = stepJoiner(half.record, done, at())
    const [due] = pinDue(paired.record)
    assert.ok(due !== undefined)
    assert.deepEqual(paired.effects, [due])
    assert.equal(paired.reply, undefined)
    const { words, ...peer } = due.peer
    assert.deepEqual(peer, {
      name: 'alice',
      id: alice.id,
      addresses: invite.addresses,
      allow: ['ping'],
      log: alice.log,
    })
    assert.deepEqual(words, pinDue(taken)[0]?.peer.words)
    assert.equal(joinerOpening(paired.record, at()), undefined)
  })

  it('takes the answer to what it had given up, and under the name of now', () => {
    const { done, half } = committed()
    const given = giveUpJoin(half.record)
    assert.ok(given !== undefined)
    const init = { ownId: bob.id, name: 'ally', allow: ['status'] as const, now: NOW }
    const again = joinAgain(given, invite, init)
    assert.deepEqual(again.givenUp, undefined)
    const [due] = pinDue(stepJoiner(again, done, at()).record)
    assert.deepEqual([due?.peer.name, due?.peer.allow], ['ally', ['status']])
  })

  it('begins anew with another link that has the id of the one it had given up', () => {
    const given = giveUpJoin(committed().half.record)
    assert.ok(given !== undefined)
    const init = { ownId: bob.id, name: 'ally', allow: [], now: NOW }
    for (const other of [
      { ...invite, secret: new Uint8Array(invite.secret.byteLength) },
      { ...invite, id: new PairingNode('carol').id },
    ]) {
      const again = joinAgain(given, other, init)
      assert.deepEqual([again.invite, again.state], [other, { is: 'new' }])
    }
  })

  it('keeps nothing of what it gives up before it has committed', () => {
    assert.equal(giveUpJoin(fresh), undefined)
    assert.equal(giveUpJoin(opening(fresh).record), undefined)
  })

  it('wants its pin until it is made, and not again', () => {
    const { done, half } = committed()
    const { effects, record } = stepJoiner(half.record, done, at())
    assert.deepEqual(stepJoiner(record, done, at()), { record, effects })
    const settled = pinned(record)
    assert.deepEqual(pinDue(settled), [])
    assert.equal(pinned(settled), settled)
    assert.deepEqual(stepJoiner(settled, done, at()), { record: settled, effects: [] })
  })

  it('takes a late answer, long after all is over', () => {
    const { done, half } = committed()
    const late = { now: EXPIRES + 2 * PAIRING_FINISH_MS }
    assert.equal(stepJoiner(half.record, done, at(late)).record.state.is, 'paired')
  })

  describe('whose key is rotated, or the inviter’s, after it has committed', () => {
    for (const who of ['joiner', 'inviter'] as const) {
      it(`proposes anew with another nonce, and takes what was agreed on: ${who}`, () => {
        const { done, half } = committed()
        const before = half.reply?.t === 'commit' ? half.reply.nonce : undefined
        ;(who === 'joiner' ? bob : alice).rotate()
        const again = opening(half.record)
        assert.ok(again.message.t === 'propose')
        assert.ok(again.record.state.is === 'half')
        assert.notDeepEqual(again.record.state.proposal?.nonce, before)
        assert.equal(stepJoiner(again.record, done, at()).record.state.is, 'paired')
      })

      it(`commits to the new offer: ${who}`, () => {
        const { half, pending } = committed()
        ;(who === 'joiner' ? bob : alice).rotate()
        const again = opening(half.record)
        const second = stepInviter(pending, again.message, alice.context(bob.peerId))
        assert.ok(second.reply?.t === 'offer')
        const step = stepJoiner(again.record, second.reply, at())
        assert.ok(step.reply?.t === 'commit')
        assert.notDeepEqual(step.reply, half.reply)
        const last = stepInviter(second.record, step.reply, alice.context(bob.peerId))
        assert.ok(last.reply?.t === 'done')
        assert.equal(stepJoiner(step.record, last.reply, at()).record.state.is, 'paired')
      })
    }

    it('proposes with one new nonce, however often', () => {
      const { half } = committed()
      bob.rotate()
      const first = opening(half.record)
      assert.deepEqual(opening(first.record), first)
    })
  })

  it('takes an offer of an inviter that has rotated since it made the invite', () => {
    alice.rotate()
    const { half } = committed()
    assert.equal(half.reply?.t, 'commit')
  })

  describe('refuses an offer', () => {
    const cases: [why: string, name: string, change: (to: Offered) => Partial<OfferMessage>][] = [
      ['wrong invite', 'of another invite', () => ({ invite: new Uint8Array(16) })],
      ['wrong secret', 'with no MAC', () => ({ mac: new Uint8Array(32) })],
      [
        'wrong secret',
        'with another nonce than the MAC says',
        () => ({ nonce: new Uint8Array(16) }),
      ],
      ['wrong secret', 'with other rights than the MAC says', () => ({ grants: ['ping'] })],
      ['wrong secret', 'with a log that was changed', () => ({ log: bob.log })],
      [
        'grants',
        'of more than it wanted',
        (to) => withMac(to, { grants: ['ping', 'ask', 'status'] }),
      ],
      [
        'key log',
        "with another node's log",
        (to) => withMac(to, { log: new PairingNode('eve').log }),
      ],
      ['key log', 'with a log that is none', (to) => withMac(to, { log: [new Uint8Array(8)] })],
    ]
    for (const [why, name, change] of cases) {
      it(name, () => {
        const to = offered()
        const step = stepJoiner(to.record, { ...to.offer, ...change(to) }, at())
        assertRefused(step, to.record, why)
      })
    }

    it('where nothing was proposed, or all is over', () => {
      const { offer } = offered()
      assertRefused(stepJoiner(fresh, offer, at()), fresh, 'not begun')
      const { done, half } = committed()
      const { record } = stepJoiner(half.record, done, at())
      assertRefused(stepJoiner(record, offer, at()), record, 'not begun')
    })

    it('of another pairing once it has committed', () => {
      const { half } = committed()
      const other = stepInviter(open, opening(fresh).message, alice.context(bob.peerId))
      assert.ok(other.reply?.t === 'offer')
      assertRefused(stepJoiner(half.record, other.reply, at()), half.record, 'not begun')
    })

    it('over a connection of another key, at either end', () => {
      const { offer, record } = offered()
      const { peerId } = new PairingNode('eve')
      for (const ends of [{ remotePeerId: peerId }, { ownPeerId: peerId }]) {
        assertRefused(stepJoiner(record, offer, at(ends)), record, 'other connection')
      }
    })

    it('made with a key that the log does not have in force', () => {
      const stolen = new PairingNode('alice')
      alice.rotate()
      // The thief of the old key shows the log as it is now, or as it was.
      for (const log of [alice.log, stolen.log]) {
        const { message, record } = opening(fresh, { remotePeerId: stolen.peerId })
        const { reply } = stepInviter(
          open,
          message,
          stolen.context(bob.peerId, { ownLog: log, ownPeerId: stolen.peerId }),
        )
        assert.ok(reply?.t === 'offer')
        const heldLog = () => ({ events: alice.log, seenAt: [NOW, NOW] })
        const step = stepJoiner(record, reply, at({ heldLog, remotePeerId: stolen.peerId }))
        assertRefused(step, record, 'key log')
      }
    })

    it('whose log does not have the event that the invite was made at', () => {
      alice.rotate()
      const later = invited(alice)
      const before = new PairingNode('alice')
      const { message, record } = opening(joining(bob, later.invite), {
        remotePeerId: before.peerId,
      })
      const { reply } = stepInviter(later.record, message, before.context(bob.peerId))
      assert.ok(reply?.t === 'offer')
      assertRefused(
        stepJoiner(record, reply, at({ remotePeerId: before.peerId })),
        record,
        'key log',
      )
    })

    for (const [name, change] of [
      ['head', { h: new Uint8Array(32) }],
      ['key', { k: new Uint8Array(32) }],
    ] as const) {
      it(`of a node whose log has another ${name} there than the invite`, () => {
        const { offer, record } = offered(joining(bob, { ...invite, ...change }))
        assertRefused(stepJoiner(record, offer, at()), record, 'key log')
      })
    }
  })

  describe('refuses the last word', () => {
    it('signed by anybody else, over anything else, or as another kind', () => {
      const { done, half } = committed()
      const { record } = half
      for (const sig of [
        bob.sign('pair-done', seedOf('x')),
        alice.sign('pair-done', seedOf('x')),
        alice.sign('pair-commit', seedOf('x')),
        new Uint8Array(64),
      ]) {
        assertRefused(stepJoiner(record, { ...done, sig }, at()), record, 'bad signature')
      }
    })

    it('of another pairing with the same invite', () => {
      const { half } = committed()
      fresh = joining(bob, invite)
      const { done } = committed()
      assertRefused(stepJoiner(half.record, done, at()), half.record, 'bad signature')
    })

    it('where it has forgotten what was agreed on', () => {
      const { done } = committed()
      const { record } = opening(joining(bob, invite))
      assertRefused(stepJoiner(record, done, at()), record, 'used')
      assertRefused(stepJoiner(fresh, done, at()), fresh, 'used')
    })
  })

  it('takes none of its own messages back', () => {
    const { message, record } = opening(fresh)
    assertRefused(stepJoiner(record, message, at()), record, 'wrong message')
    const { half } = committed()
    assert.ok(half.reply !== undefined)
    assertRefused(stepJoiner(half.record, half.reply, at()), half.record, 'wrong message')
  })

  it('knows when nothing more can come of it', () => {
    const { done, half } = committed()
    const late = EXPIRES + PAIRING_FINISH_MS
    for (const record of [fresh, opening(fresh).record]) {
      assert.deepEqual([isOverdue(record, EXPIRES - 1), isOverdue(record, EXPIRES)], [false, true])
    }
    assert.deepEqual(
      [isOverdue(half.record, late - 1), isOverdue(half.record, late)],
      [false, true],
    )
    assert.equal(isOverdue(stepJoiner(half.record, done, at()).record, late), false)
  })

  it('never sends the secret, and keeps all in a record that can be stored', () => {
    const { half } = committed()
    for (const message of [opening(fresh).message, half.reply]) {
      assert.ok(message !== undefined)
      assert.equal(Buffer.from(encode(message)).indexOf(invite.secret), -1)
    }
    assert.notEqual(Buffer.from(encode(half.record)).indexOf(invite.secret), -1)
  })

  function at(change: Partial<JoinerContext> = {}): JoinerContext {
    return bob.context(alice.peerId, change)
  }

  function opening(
    record: JoinerRecord,
    change: Partial<JoinerContext> = {},
  ): NonNullable<ReturnType<typeof joinerOpening>> {
    const made = joinerOpening(record, at(change))
    assert.ok(made !== undefined)
    return made
  }

  function offered(begun = fresh): Offered {
    const { message, record } = opening(begun)
    const { record: pending, reply } = stepInviter(open, message, alice.context(bob.peerId))
    assert.ok(reply?.t === 'offer')
    return { offer: reply, record, pending }
  }

  function committed(): Committed {
    const before = offered()
    const half = stepJoiner(before.record, before.offer, at())
    assert.ok(half.reply !== undefined)
    const context = alice.context(bob.peerId)
    const { record: taken, reply } = stepInviter(before.pending, half.reply, context)
    assert.ok(reply?.t === 'done')
    return { ...before, half, taken, done: reply }
  }

  /** A change of this offer, with the MAC that belongs to it. */
  function withMac({ offer, record }: Offered, change: Partial<OfferMessage>) {
    assert.ok(record.state.is === 'proposed')
    const { t1 } = record.state.proposal
    return { ...change, mac: macOf(invite.secret, offerTranscript(t1, { ...offer, ...change })) }
  }
})

/** The step kept silent and changed nothing, for this reason. */
function assertRefused(step: Step, before: JoinerRecord, why: string): void {
  assert.deepEqual(step.effects, [{ kind: 'failed', why }])
  assert.equal(step.reply, undefined)
  assert.equal(step.record, before)
}
