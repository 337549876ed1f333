import assert from 'node:assert/strict'
import { pins } from '../actions/pairing.ts'
import type { Invariant } from '../invariant.ts'
import type { Ledger } from '../ledger.ts'
import type { SimNode } from '../sim-node.ts'

export const STRANGER_INVARIANTS: readonly Invariant[] = [
  {
    title: 'a stranger that knocks hears nothing',
    onSend: (world, { answers, from, to }) => {
      const other = world.holderOf(to)
      if (!answers || other === undefined || pins(from, other)) return
      assert.ok(
        isInvited(world.ledger, from, other),
        `${from.name} answers ${other.name}, a stranger`,
      )
    },
  },
  {
    title: 'a node that was told that it is unpinned knows it, and does not dial',
    atRest: async (world) => {
      const { ledger, network, quietAt, thieves } = world
      for (const { edits, from, key, to } of ledger.byes) {
        // It holds no longer than until one of them thinks better of it, or its key is not in force any more.
        const again = ledger.edits(to, from) + ledger.edits(from, to) > edits
        // Who has its key in force can say hello for it, which takes the bye back.
        if (thieves.some(({ victim }) => victim === from)) continue
        if (again || from.keys.identity.key !== key) continue
        if (isJoining(ledger, to, from) || isJoining(ledger, from, to)) continue
        world.tally('bye that holds')
        const what = `that ${from.name} has unpinned it`
        assert.ok(to.node?.byes.since(from.id) !== undefined, `${to.name} has forgotten ${what}`)
        const knockedAt = network.lastKnock(to.name, from.name) ?? -Infinity
        assert.ok(knockedAt < quietAt, `${to.name} knows ${what}, and dials`)
      }
    },
  },
]

/** Whether a node may be answered because of an invite that it knows the secret of, and that nobody else has used. */
function isInvited({ invites }: Ledger, inviter: SimNode, joiner: SimNode): boolean {
  const standings = inviter.node?.pairing.inviter.list() ?? []
  return invites.some(({ inviter: by, joins, key }) => {
    const knows = joins.some(({ joiner: one, secret }) => one === joiner && secret === 'right')
    if (by !== inviter || !knows) return false
    const used = standings.find(({ invite }) => invite === key)?.used
    return used === undefined || used.by === joiner.id
  })
}

function isJoining({ invites }: Ledger, joiner: SimNode, inviter: SimNode): boolean {
  return invites.some(
    ({ inviter: by, joins }) => by === inviter && joins.some(({ joiner: one }) => one === joiner),
  )
}
