import assert from 'node:assert/strict'
import type { CommitMessage } from '../../src/protocol/pairing-messages.ts'
import { stepInviter } from '../../src/protocol/pairing-inviter.ts'
import type { InviterRecord } from '../../src/protocol/pairing-inviter.ts'
import type { PairingContext, PairingStep } from '../../src/protocol/pairing.ts'
import { PairingNode, invited } from './pairing.ts'
import { Visit } from './pairing-visit.ts'

export type InviterStep = PairingStep<InviterRecord>

/** Alice has invited bob; carol is a node that may have come by the link. */
export interface Inviting {
  alice: PairingNode
  bob: PairingNode
  carol: PairingNode
  /** What bob says to alice. */
  visit: Visit
  /** The record of the invite, which nobody has redeemed. */
  open: InviterRecord
  /** What a step of alice takes, on a connection from bob. */
  at: (change?: Partial<PairingContext>) => PairingContext
  /** A whole pairing: the commit, and the step that it led to. */
  pairedBy: (by: Visit, wants?: string[]) => { commit: CommitMessage; paired: InviterStep }
  /** A step with a proposal that does not know the secret. */
  wrong: (record: InviterRecord, context?: Partial<PairingContext>) => InviterStep
}

export function inviting(): Inviting {
  const [alice, bob, carol] = [
    new PairingNode('alice'),
    new PairingNode('bob'),
    new PairingNode('carol'),
  ]
  const { invite, record: open } = invited(alice)
  const visit = new Visit(bob, alice, invite)
  const at: Inviting['at'] = (change) => alice.context(bob.peerId, change)
  return {
    alice,
    bob,
    carol,
    visit,
    open,
    at,
    pairedBy: (by, wants) => {
      const first = stepInviter(open, by.propose(wants), at())
      const commit = by.commit(first)
      return { commit, paired: stepInviter(first.record, commit, at()) }
    },
    wrong: (record, context) => {
      const propose = { ...visit.propose(), mac: new Uint8Array(32) }
      return stepInviter(record, propose, at(context))
    },
  }
}

/** The step kept silent, for this reason, and wants no more than these effects. */
export function assertRefused(step: InviterStep, why: string, ...effects: object[]): void {
  assert.equal(step.reply, undefined)
  assert.deepEqual(step.effects, [...effects, { kind: 'failed', why }])
}
