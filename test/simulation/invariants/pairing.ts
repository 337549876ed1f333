import assert from 'node:assert/strict'
import { isSameLog, KeyLogs } from '../../../src/node/key-logs.ts'
import type { InviteStanding } from '../../../src/node/pairing/inviter.ts'
import type { JoinStanding } from '../../../src/node/pairing/join-standing.ts'
import { judgeKeyLog } from '../../../src/protocol/key-log-judge.ts'
import { inviterRecord } from '../../../src/protocol/pairing-inviter.ts'
import { Repository } from '../../../src/store/repository.ts'
import { pins } from '../actions/pairing.ts'
import type { Invariant } from '../invariant.ts'
import { blocks } from '../reach.ts'
import type { MadeInvite } from '../ledger.ts'
import type { SimNode } from '../sim-node.ts'
import type { World } from '../world.ts'

/** What has become of an invite, on both sides. */
interface Outcome {
  made: MadeInvite
  /** Undefined once it was removed, which is 30 days later. */
  standing: InviteStanding | undefined
  joins: { joiner: SimNode; secret: 'right' | 'wrong'; standing: JoinStanding | undefined }[]
}

export const PAIRING_INVARIANTS: readonly Invariant[] = [
  {
    title: 'an invite makes peers of two nodes, or of none',
    atRest: async (world) => {
      for (const made of world.ledger.invites) {
        const outcome = outcomeOf(made)
        assertWhole(outcome, world)
        world.tally(`invite: ${outcome.standing?.state ?? 'gone'}`)
        for (const { secret, standing } of outcome.joins) {
          world.tally(`join with the ${secret} secret: ${standing?.state ?? 'given up'}`)
        }
      }
    },
  },
  {
    title: 'a node pins nobody but whom its owner has pinned, or an invite of one of the two',
    atRest: async ({ ledger, nodes }) => {
      for (const a of nodes) {
        for (const b of nodes) {
          if (a === b || !pins(a, b) || ledger.edits(a, b) > 0) continue
          const paired = ledger.invites.map(outcomeOf).some(({ made: { inviter }, standing }) => {
            const by = standing?.used?.by
            return (inviter === a && by === b.id) || (inviter === b && by === a.id)
          })
          assert.ok(paired, `${a.name} has pinned ${b.name}, and nobody knows why`)
        }
      }
    },
  },
]

/** Why a pairing that nothing stands in the way of has come to no end yet. */
export async function pairingUnrest(world: World): Promise<string | undefined> {
  for (const made of world.ledger.invites) {
    const { inviter } = made
    const { joins, standing: invite } = outcomeOf(made)
    const holder = invite?.used?.by ?? (await beganBy(made))
    for (const { joiner, secret, standing } of joins) {
      const trying = standing?.state === 'trying' || standing?.state === 'half'
      if (!trying || secret === 'wrong' || !mayTalk(inviter, joiner)) continue
      if (!(await believes(inviter, joiner)) || !(await believes(joiner, inviter))) continue
      if (holder !== undefined && holder !== joiner.id) {
        if (invite?.state !== 'used' && invite?.state !== 'pending') continue
        // A node that has unpinned all others lets nobody in who could tell it.
        if (isReported(inviter, joiner) || inviter.node?.lobby.open === false) continue
        return `${inviter.name} does not know that ${joiner.name} has a link that is used`
      }
      if (mayEnd(made, invite, joiner)) return `${joiner.name} has not joined ${inviter.name}`
    }
  }
  return undefined
}

/** Whether a pairing has not come to its end, which it does when it expires. */
export function isWaiting({ ledger }: World): boolean {
  return ledger.invites.map(outcomeOf).some((outcome) => undecided(outcome) !== undefined)
}

/** @throws when a pairing still waits for something, or is still tried */
export function assertExpired(world: World): void {
  for (const made of world.ledger.invites) {
    const outcome = outcomeOf(made)
    const what = undecided(outcome)
    assert.ok(what === undefined, what)
    for (const { joiner, standing } of outcome.joins) {
      assert.equal(standing?.nextAt, undefined, `${joiner.name} goes on trying ${made.key}`)
    }
    assertWhole(outcome, world)
  }
}

function outcomeOf(made: MadeInvite): Outcome {
  const { inviter, joins, key } = made
  return {
    made,
    standing: inviter.node?.pairing.inviter.list().find(({ invite }) => invite === key),
    joins: joins.map(({ joiner, secret }) => ({
      joiner,
      secret,
      standing: joiner.node?.pairing.joiner.list().find(({ invite }) => invite === key),
    })),
  }
}

function assertWhole({ joins, made, standing }: Outcome, { goneMs, ledger, quietAt }: World): void {
  const { inviter, key } = made
  const by = standing?.used?.by
  for (const { joiner, secret, standing: join } of joins) {
    const what = `${joiner.name} by ${key} of ${inviter.name}`
    if (join?.state === 'paired') {
      assert.equal(by, joiner.id, `half a pairing: only the joiner, ${what}`)
      assert.equal(secret, 'right', `paired with a wrong secret: ${what}`)
    }
    if (by !== joiner.id) continue
    const touched = ledger.edits(inviter, joiner) + ledger.edits(joiner, inviter) > 0
    if (touched || made.givenUpBy.has(joiner) || !mayTalk(inviter, joiner)) continue
    // Kept apart until the time was over in which it could have come to its end.
    if (join?.state === 'over' && join.until <= quietAt + goneMs) continue
    assert.equal(join?.state, 'paired', `half a pairing: only the inviter, ${what}`)
    const both = pins(inviter, joiner) && pins(joiner, inviter)
    assert.ok(both, `half a pairing: one has no pin, ${what}`)
  }
}

/** Why an invite is not decided. */
function undecided({ joins, made, standing }: Outcome): string | undefined {
  if (standing?.state === 'open' || standing?.state === 'pending') {
    return `${made.inviter.name} has ${made.key} ${standing.state}`
  }
  const open = joins.find(
    ({ standing: join }) => join?.state === 'trying' || join?.state === 'half',
  )
  return open === undefined ? undefined : `${open.joiner.name} still tries ${made.key}`
}

/** Node id of who has begun to redeem an invite. */
async function beganBy({ inviter, key }: MadeInvite): Promise<string | undefined> {
  if (inviter.database === undefined) return undefined
  const record = await new Repository(inviter.database, 'invites', inviterRecord).get(key)
  return record?.state.is === 'pending' ? record.state.session.joiner : undefined
}

/** Whether the inviter would still answer the joiner, and the joiner take it. */
function mayEnd(
  { inviter, madeAt }: MadeInvite,
  invite: InviteStanding | undefined,
  joiner: SimNode,
): boolean {
  // One that was unpinned again gets no last answer.
  if (invite?.state === 'used') return inviter.node?.pins.byId(joiner.id) !== undefined
  if (invite?.state !== 'open' && invite?.state !== 'pending') return false
  return inviter.keys.identity.log.some((event) => Buffer.compare(event, madeAt) === 0)
}

/**
 * Whether a node takes another's key log as it is. What it has followed for too long, or holds frozen, stays with it also
 * while its owner has no pin of that node: then they talk with each other, and settle it.
 */
async function believes({ database, node, now }: SimNode, { id, keys }: SimNode): Promise<boolean> {
  if (database === undefined || node === undefined) return false
  const logs = new KeyLogs({ database, clock: node.clock })
  await logs.start()
  const { frozen, held } = judgeKeyLog(logs.get(id)?.held, keys.identity.log, now)
  return !frozen && isSameLog(held.events, keys.identity.log)
}

/** Whether neither shuts the other out. */
function mayTalk(a: SimNode, b: SimNode): boolean {
  return !shutsOut(a, b) && !shutsOut(b, a)
}

function shutsOut(a: SimNode, other: SimNode): boolean {
  const peer = a.node?.pins.byId(other.id)
  return blocks(a, other) || peer?.frozen === true || peer?.retired === true
}

function isReported({ node }: SimNode, joiner: SimNode): boolean {
  const alerts = node?.alerts.list() ?? []
  return alerts.some(({ kind, peer }) => kind === 'invite-reused' && peer === joiner.id)
}
