import assert from 'node:assert/strict'
import { MAX_WRONG_SECRETS, PAIRING_FINISH_MS } from '../../src/protocol/limits.ts'
import { macOf, proposeTranscript } from '../../src/protocol/pairing-messages.ts'
import type { CommitMessage, ProposeMessage } from '../../src/protocol/pairing-messages.ts'
import { inviteStatus, revokeInvite, stepInviter } from '../../src/protocol/pairing-inviter.ts'
import type { InviterRecord } from '../../src/protocol/pairing-inviter.ts'
import type { PairingContext } from '../../src/protocol/pairing.ts'
import { assertRefused, inviting } from '../helpers/inviting.ts'
import type { InviterStep, Inviting } from '../helpers/inviting.ts'
import { EXPIRES, NOW, invited } from '../helpers/pairing.ts'
import { seedOf } from '../helpers/stub-pins.ts'

describe('an inviter', () => {
  let { alice, at, bob, carol, open, pairedBy, visit, wrong }: Inviting = inviting()

  beforeEach(() => {
    ;({ alice, at, bob, carol, open, pairedBy, visit, wrong } = inviting())
  })

  describe('refuses a proposal', () => {
    const cases: [why: string, name: string, step: () => InviterStep][] = [
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

  /** A step with a proposal that was changed after its MAC was made. */
  function propose(
    change: Partial<ProposeMessage>,
    record = open,
    context: Partial<PairingContext> = {},
    by = visit,
  ): InviterStep {
    return stepInviter(record, { ...by.propose(), ...change }, at(context))
  }

  /** A step with a proposal that says this and has the right MAC. */
  function signedPropose(change: Partial<ProposeMessage>): InviterStep {
    const message = { ...visit.propose(), ...change }
    const t1 = proposeTranscript(message, {
      joiner: change.log?.[0] === carol.log[0] ? carol.id : bob.id,
      joinerPeerId: bob.peerId,
      inviter: alice.id,
      inviterPeerId: alice.peerId,
    })
    return stepInviter(open, { ...message, mac: macOf(open.secret, t1) }, at())
  }

  function burnedBy(count: number): InviterRecord {
    return { ...open, wrongSecrets: count }
  }
})

function secretOf(name: string): Uint8Array {
  return seedOf(`secret ${name}`).slice(0, 16)
}
