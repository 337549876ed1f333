import assert from 'node:assert/strict'
import { encode } from '../../src/protocol/cbor.ts'
import { MAX_WRONG_SECRETS, PAIRING_FINISH_MS } from '../../src/protocol/limits.ts'
import { macOf, proposeTranscript } from '../../src/protocol/pairing-messages.ts'
import type { CommitMessage, ProposeMessage } from '../../src/protocol/pairing-messages.ts'
import { inviteStatus, revokeInvite, stepInviter } from '../../src/protocol/pairing-inviter.ts'
import type { InviterRecord } from '../../src/protocol/pairing-inviter.ts'
import { pinDue, pinned } from '../../src/protocol/pairing.ts'
import type { PairingContext, PairingStep } from '../../src/protocol/pairing.ts'
import { EXPIRES, NOW, PairingNode, invited } from '../helpers/pairing.ts'
import { seedOf } from '../helpers/stub-pins.ts'
import { Visit } from '../helpers/pairing-visit.ts'

type Step = PairingStep<InviterRecord>

describe('an inviter', () => {
  let alice: PairingNode
  let bob: PairingNode
  let carol: PairingNode
  let visit: Visit
  let open: InviterRecord
  let at: (change?: Partial<PairingContext>) => PairingContext

  beforeEach(() => {
    ;[alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => new PairingNode(name)) as [
      PairingNode,
      PairingNode,
      PairingNode,
    ]
    const { invite, record } = invited(alice)
    open = record
    visit = new Visit(bob, alice, invite)
    at = (change) => alice.context(bob.peerId, change)
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

  describe('refuses a proposal', () => {
    const cases: [why: string, name: string, step: () => Step][] = [
      ['wrong invite', 'of another invite', () => propose({ invite: new Uint8Array(16) })],
      ['revoked', 'when the invite is revoked', () => propose({}, revokeInvite(open))],
      ['expired', 'at the moment the invite expires', () => propose({}, open, { now: EXPIRES })],
      ['burned', 'when too many were wrong', () => propose({}, burnedBy(MAX_WRONG_SECRETS))],
      ['key log', 'with a log that is none', () => propose({ log: [new Uint8Array(8)] })],
      ['key log', 'with an event too many', () => signedPropose({ log: [...bob.log, ...bob.log] })],
      ['key log', "with another node's log", () => signedPropose({ log: carol.log })],
      [
        'wrong secret',
        'with a key log that was changed on the way',
        () => propose({ log: carol.log }),
      ],
      ['wrong secret', 'with other rights than the MAC says', () => propose({ grants: [] })],
      ['wrong secret', 'with other addresses', () => propose({ addresses: [] })],
      ['wrong secret', 'with another commitment', () => propose({ commitment: seedOf('x') })],
      ['grants', 'for a right that is not offered', () => signedPropose({ grants: ['status'] })],
      ['grants', 'for one right more', () => signedPropose({ grants: ['ping', 'ask', 'status'] })],
      [
        'wrong secret',
        'that came over a connection of another key',
        () => propose({}, open, { remotePeerId: carol.peerId }),
      ],
      [
        'wrong secret',
        'that was made for another key of ours',
        () => propose({}, open, { ownPeerId: carol.peerId }),
      ],
      [
        'wrong secret',
        'that was made for another node',
        () => propose({}, open, { ownId: carol.id }),
      ],
      [
        'wrong secret',
        'that was recorded for another invite',
        () => {
          const other = invited(alice, {
            inviteId: seedOf('2').slice(0, 16),
            secret: secretOf('2'),
          })
          return propose({ invite: other.invite.invite }, other.record)
        },
      ],
      ['own invite', 'by this node itself', () => propose({}, open, {}, visit.as(alice))],
    ]
    for (const [why, name, run] of cases) {
      it(name, () => {
        assertRefused(run(), why)
      })
    }

    it('of a second joiner while the first may still commit, and says so to its owner', () => {
      const { record } = stepInviter(open, visit.propose(), at())
      const elsewhere = at({ remotePeerId: carol.peerId })
      const step = stepInviter(record, visit.as(carol).propose(), elsewhere)
      assertRefused(step, 'taken', { kind: 'alert', alert: 'invite-reused', by: carol.id })
      assert.equal(step.record, record)
    })
  })

  describe('refuses a commit', () => {
    const cases: [
      why: string,
      name: string,
      change: (commit: CommitMessage) => object,
      context?: () => object,
    ][] = [
      ['wrong invite', 'of another invite', () => ({ invite: new Uint8Array(16) })],
      ['wrong nonce', 'with another nonce', () => ({ nonce: new Uint8Array(16) })],
      ['bad signature', 'with no signature', () => ({ sig: new Uint8Array(64) })],
      [
        'bad signature',
        'signed by another key',
        () => ({ sig: carol.sign('pair-commit', seedOf('x')) }),
      ],
      [
        'bad signature',
        'signed over something else',
        () => ({ sig: bob.sign('pair-commit', seedOf('x')) }),
      ],
      [
        'other connection',
        'over a connection of another key',
        () => ({}),
        () => ({ remotePeerId: carol.peerId }),
      ],
      [
        'other connection',
        'to another key of ours',
        () => ({}),
        () => ({ ownPeerId: carol.peerId }),
      ],
      [
        'expired',
        'long after the invite expired',
        () => ({}),
        () => ({ now: EXPIRES + PAIRING_FINISH_MS }),
      ],
    ]
    for (const [why, name, change, context] of cases) {
      it(name, () => {
        const first = stepInviter(open, visit.propose(), at())
        const commit = visit.commit(first)
        const step = stepInviter(first.record, { ...commit, ...change(commit) }, at(context?.()))
        assertRefused(step, why)
        assert.equal(step.record, first.record)
      })
    }

    it('where nothing was proposed', () => {
      const commit = visit.commit(stepInviter(open, visit.propose(), at()))
      assertRefused(stepInviter(open, commit, at()), 'not begun')
    })

    it('of an invite that was taken back in between', () => {
      const first = stepInviter(open, visit.propose(), at())
      const revoked = revokeInvite(first.record)
      assertRefused(stepInviter(revoked, visit.commit(first), at()), 'revoked')
      assert.equal(inviteStatus(revoked, NOW), 'revoked')
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

  it('takes no answer of its own for a message to it', () => {
    const first = stepInviter(open, visit.propose(), at())
    assert.ok(first.reply !== undefined)
    assertRefused(stepInviter(first.record, first.reply, at()), 'wrong message')
    const { reply } = stepInviter(first.record, visit.commit(first), at())
    assert.ok(reply !== undefined)
    assertRefused(stepInviter(first.record, reply, at()), 'wrong message')
  })

  describe('counts wrong secrets', () => {
    it('and says at the last of them that the invite is burned', () => {
      let record = open
      for (let count = 1; count < MAX_WRONG_SECRETS; count++) {
        const step = wrong(record)
        assertRefused(step, 'wrong secret')
        record = step.record
        assert.equal(inviteStatus(record, NOW), 'open')
      }
      const last = wrong(record)
      assertRefused(last, 'wrong secret', { kind: 'alert', alert: 'invite-burned' })
      assert.equal(inviteStatus(last.record, NOW), 'burned')
      assertRefused(wrong(last.record), 'burned')
    })

    it('and takes the right one after all but the last of them', () => {
      const record = burnedBy(MAX_WRONG_SECRETS - 1)
      assert.equal(stepInviter(record, visit.propose(), at()).reply?.t, 'offer')
    })

    it('but lets who has proved the secret finish, and does not say it twice', () => {
      const first = stepInviter(open, visit.propose(), at())
      const commit = visit.commit(first)
      let record = first.record
      for (let count = 0; count < MAX_WRONG_SECRETS; count++) record = wrong(record).record
      assertRefused(wrong(record), 'wrong secret')
      assert.equal(stepInviter(record, commit, at()).reply?.t, 'done')
    })

    it('but none of an invite that is of no use anyhow', () => {
      for (const record of [revokeInvite(open), pairedBy(visit).paired.record]) {
        assert.equal(wrong(record).record, record)
      }
      assert.equal(wrong(open, { now: EXPIRES }).record, open)
    })
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

  /** A step with a proposal that was changed after its MAC was made. */
  function propose(
    change: Partial<ProposeMessage>,
    record = open,
    context: Partial<PairingContext> = {},
    by = visit,
  ): Step {
    return stepInviter(record, { ...by.propose(), ...change }, at(context))
  }

  /** A step with a proposal that says this and has the right MAC. */
  function signedPropose(change: Partial<ProposeMessage>): Step {
    const message = { ...visit.propose(), ...change }
    const t1 = proposeTranscript(message, {
      joiner: change.log?.[0] === carol.log[0] ? carol.id : bob.id,
      joinerPeerId: bob.peerId,
      inviter: alice.id,
      inviterPeerId: alice.peerId,
    })
    return stepInviter(open, { ...message, mac: macOf(open.secret, t1) }, at())
  }

  function wrong(record: InviterRecord, context: Partial<PairingContext> = {}): Step {
    return stepInviter(record, { ...visit.propose(), mac: new Uint8Array(32) }, at(context))
  }

  function burnedBy(count: number): InviterRecord {
    return { ...open, wrongSecrets: count }
  }

  function pairedBy(by: Visit, wants?: string[]): { commit: CommitMessage; paired: Step } {
    const first = stepInviter(open, by.propose(wants), at())
    const commit = by.commit(first)
    return { commit, paired: stepInviter(first.record, commit, at()) }
  }
})

function secretOf(name: string): Uint8Array {
  return seedOf(`secret ${name}`).slice(0, 16)
}

/** The step kept silent, for this reason, and wants no more than these effects. */
function assertRefused(step: Step, why: string, ...effects: object[]): void {
  assert.equal(step.reply, undefined)
  assert.deepEqual(step.effects, [...effects, { kind: 'failed', why }])
}
