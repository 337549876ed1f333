import assert from 'node:assert/strict'
import { encode } from '../../src/protocol/cbor.ts'
import { PAIRING_FINISH_MS } from '../../src/protocol/limits.ts'
import { inviteStatus, revokeInvite, stepInviter } from '../../src/protocol/pairing-inviter.ts'
import { pinDue, pinned } from '../../src/protocol/pairing.ts'
import { assertRefused, inviting } from '../helpers/inviting.ts'
import type { Inviting } from '../helpers/inviting.ts'
import { EXPIRES, NOW, PairingNode } from '../helpers/pairing.ts'

describe('an inviter', () => {
  let { alice, at, bob, carol, open, pairedBy, visit, wrong }: Inviting = inviting()

  beforeEach(() => {
    ;({ alice, at, bob, carol, open, pairedBy, visit, wrong } = inviting())
  })

  it('offers what was asked for, and pins nobody yet', () => {
    const { effects, record, reply } = stepInviter(open, visit.propose(['ask']), at())
    assert.ok(reply?.t === 'offer')
    assert.deepEqual(reply.grants, ['ask'])
    assert.deepEqual(reply.log, alice.log)
    assert.deepEqual(effects, [])
    assert.equal(inviteStatus(record, NOW), 'pending')
  })

  it('pins the joiner when it commits, with the rights it wanted of those offered', () => {
    const { paired } = pairedBy(visit, ['ask'])
    const [effect] = paired.effects
    assert.ok(effect?.kind === 'pin')
    const { words, ...peer } = effect.peer
    assert.deepEqual(peer, {
      name: 'bob',
      id: bob.id,
      addresses: ['/dns4/bob.example/tcp/7423'],
      allow: ['ask'],
      log: bob.log,
    })
    assert.equal(words.length, 4)
    assert.equal(paired.reply?.t, 'done')
    assert.equal(inviteStatus(paired.record, NOW), 'used')
  })

  it('gives the same offer to the same proposal, whatever its own nonce would be', () => {
    const propose = visit.propose()
    const first = stepInviter(open, propose, at())
    const again = stepInviter(first.record, propose, at({ now: EXPIRES + 1 }))
    assert.equal(again.record, first.record)
    assert.deepEqual(again.reply, first.reply)
  })

  it('gives another offer to a proposal with another nonce, and forgets the one before', () => {
    const before = visit.propose()
    const first = stepInviter(open, before, at())
    const commit = visit.commit(first)
    const second = stepInviter(first.record, visit.propose(), at())
    assert.notDeepEqual(second.reply, first.reply)
    assertRefused(stepInviter(second.record, commit, at()), 'wrong nonce')
    assert.equal(stepInviter(second.record, visit.commit(second), at()).reply?.t, 'done')
  })

  it('takes a proposal of the same joiner with a rotated key', () => {
    const first = stepInviter(open, visit.propose(), at())
    bob.rotate()
    const second = stepInviter(first.record, visit.propose(), at({ remotePeerId: bob.peerId }))
    assert.ok(second.reply?.t === 'offer')
    const paired = stepInviter(
      second.record,
      visit.commit(second),
      at({ remotePeerId: bob.peerId }),
    )
    assert.deepEqual(pinDue(paired.record)[0]?.peer.log, bob.log)
  })

  it('takes no proposal with a key that the joiner has rotated away', () => {
    const old = new PairingNode('bob')
    bob.rotate()
    const { record } = stepInviter(open, visit.propose(), at({ remotePeerId: bob.peerId }))
    const stale = visit.as(old).propose()
    assertRefused(stepInviter(record, stale, at({ remotePeerId: old.peerId })), 'key log')
  })

  it('takes no proposal, and no commit, that is behind the key log it holds', () => {
    const first = stepInviter(open, visit.propose(), at())
    const commit = visit.commit(first)
    const rotated = new PairingNode('bob')
    rotated.rotate()
    const heldLog = () => ({ events: rotated.log, seenAt: [NOW, NOW] })
    assertRefused(stepInviter(open, visit.propose(), at({ heldLog })), 'key log')
    assertRefused(stepInviter(first.record, commit, at({ heldLog })), 'key log')
    const same = { heldLog: () => ({ events: bob.log, seenAt: [NOW] }) }
    assert.equal(stepInviter(first.record, commit, at(same)).reply?.t, 'done')
  })

  it('takes nothing of a node that stands against itself', () => {
    const first = stepInviter(open, visit.propose(), at())
    const commit = visit.commit(first)
    const other = new PairingNode('bob')
    other.rotate()
    const held = { events: bob.log, seenAt: [NOW], conflict: other.log.slice(1) }
    const frozen = at({ heldLog: () => held })
    assertRefused(stepInviter(open, visit.propose(), frozen), 'key log')
    assertRefused(stepInviter(first.record, commit, frozen), 'key log')
  })

  describe('that has paired', () => {
    it('gives the same answer to the same commit for ever, and wants its pin until it is made', () => {
      const { commit, paired } = pairedBy(visit)
      for (const now of [NOW, EXPIRES, EXPIRES + PAIRING_FINISH_MS]) {
        const again = stepInviter(paired.record, commit, at({ now }))
        assert.deepEqual(again, { ...paired, record: paired.record })
        const settled = pinned(paired.record)
        const later = stepInviter(settled, commit, at({ now }))
        assert.deepEqual(later, { record: settled, reply: paired.reply, effects: [] })
      }
    })

    it('answers a new proposal of its joiner with what was agreed on, also after rotations', () => {
      const { paired } = pairedBy(visit)
      const record = pinned(paired.record)
      bob.rotate()
      alice.rotate()
      const step = stepInviter(record, visit.propose(), at({ remotePeerId: bob.peerId }))
      assert.deepEqual(step, { record, reply: paired.reply, effects: [] })
    })

    it('refuses another node that knows the secret, and says so to its owner', () => {
      const { paired } = pairedBy(visit)
      const step = stepInviter(
        paired.record,
        visit.as(carol).propose(),
        at({ remotePeerId: carol.peerId }),
      )
      assertRefused(step, 'used', { kind: 'alert', alert: 'invite-reused', by: carol.id })
      assert.equal(step.record, paired.record)
    })

    it('refuses another node that does not know the secret, and troubles nobody', () => {
      const { paired } = pairedBy(visit)
      const propose = { ...visit.as(carol).propose(), mac: new Uint8Array(32) }
      const step = stepInviter(paired.record, propose, at({ remotePeerId: carol.peerId }))
      assertRefused(step, 'wrong secret')
      assert.equal(step.record, paired.record)
    })

    it('refuses another commit, and the same one from another key', () => {
      const { commit, paired } = pairedBy(visit)
      const { record } = paired
      const nonce = new Uint8Array(16)
      assertRefused(stepInviter(record, { ...commit, nonce }, at()), 'wrong nonce')
      const sig = new Uint8Array(64)
      assertRefused(stepInviter(record, { ...commit, sig }, at()), 'bad signature')
      const elsewhere = at({ remotePeerId: carol.peerId })
      assertRefused(stepInviter(record, commit, elsewhere), 'other connection')
    })

    it('stays so when its invite is taken back', () => {
      const { commit, paired } = pairedBy(visit)
      assert.equal(revokeInvite(paired.record), paired.record)
      assert.equal(stepInviter(revokeInvite(paired.record), commit, at()).reply?.t, 'done')
    })
  })

  it('lets who began in time finish until the moment that is over', () => {
    const first = stepInviter(open, visit.propose(), at({ now: EXPIRES - 1 }))
    const late = EXPIRES + PAIRING_FINISH_MS
    assert.equal(inviteStatus(first.record, late - 1), 'pending')
    assert.equal(inviteStatus(first.record, late), 'expired')
    const commit = visit.commit(first)
    assert.equal(stepInviter(first.record, commit, at({ now: late - 1 })).reply?.t, 'done')
    assertRefused(stepInviter(first.record, visit.propose(), at({ now: late })), 'expired')
  })

  it('never sends the secret', () => {
    const propose = visit.propose()
    const first = stepInviter(open, propose, at())
    const commit = visit.commit(first)
    const second = stepInviter(first.record, commit, at())
    const sent = [propose, first.reply, commit, second.reply]
    for (const message of sent) {
      assert.ok(message !== undefined)
      assert.equal(Buffer.from(encode(message)).indexOf(open.secret), -1)
    }
  })

  it('changes no record that it is given', () => {
    const before = structuredClone(open)
    wrong(open)
    const first = stepInviter(open, visit.propose(), at())
    assert.deepEqual(open, before)
    const pending = structuredClone(first.record)
    const commit = visit.commit(first)
    wrong(first.record)
    stepInviter(first.record, commit, at())
    assert.deepEqual(first.record, pending)
  })
})
