import { createInvite, INVITE_SECRET_BYTES } from '../../../src/protocol/invite.ts'
import { sign } from '../../../src/protocol/signed.ts'
import type { Action } from '../action.ts'
import type { MadeInvite } from '../ledger.ts'
import type { SimNode } from '../sim-node.ts'
import type { World } from '../world.ts'

/** How long an invite is good, in seconds: too short for some, and longer than any simulation for others. */
const TTLS_SECONDS = [30, 600, 604_800] as const

/** Most time until somebody has read a link that he was sent. */
const MAX_SENDING_MS = 5_000

const GRANTS = ['ping', 'ask', 'status'] as const

/** An owner invites a node that he knows nothing of, and sends the link to its owner. */
const invite: Action = {
  name: 'invite',
  weight: 6,
  begin(world) {
    const { ledger, random, scheduler } = world
    const strangers = world.up.flatMap((inviter) =>
      world.nodes
        .filter((other) => other !== inviter && !pins(inviter, other) && !pins(other, inviter))
        .map((joiner) => ({ inviter, joiner })),
    )
    if (strangers.length === 0) return
    const { inviter, joiner } = random.of(strangers)
    const ttlMs = 1_000 * random.of(TTLS_SECONDS)
    inviter.note(`invites ${joiner.name} for ${ttlMs} ms`)
    inviter.owner(['exists', 'list-full'], async ({ pairing, self }) => {
      const madeAt = self.events.at(-1) ?? new Uint8Array()
      const allow = [...GRANTS]
      const { link, standing } = await pairing.inviter.create({ name: joiner.name, allow, ttlMs })
      const made: MadeInvite = {
        inviter,
        key: standing.invite,
        link,
        madeAt,
        joins: [],
        givenUpBy: new Set(),
      }
      ledger.invites.push(made)
      scheduler.after(random.below(MAX_SENDING_MS), () => {
        join(made, joiner)
      })
    })
  },
}

/** A link is used once more: by the node that it was meant for, or by one that has come by it. */
const useAgain: Action = {
  name: 'use a link again',
  weight: 6,
  begin(world) {
    const made = someInvite(world)
    if (made !== undefined) join(made, world.random.of(world.nodes))
  },
}

/** Somebody knows which invite there is, and not its secret. */
const guess: Action = {
  name: 'guess a secret',
  weight: 1,
  begin(world) {
    const { random } = world
    const made = someInvite(world)
    const joiner = random.of(world.nodes)
    if (made?.joins.some((known) => known.joiner === joiner) !== false) return
    if (made.inviter.keys.retired) return
    const { address, keys } = made.inviter
    const { link } = createInvite({
      own: keys.state,
      addresses: [address],
      inviteId: Buffer.from(made.key, 'hex'),
      secret: random.bytes(INVITE_SECRET_BYTES),
      expiresAt: world.scheduler.now + 1_000 * random.of(TTLS_SECONDS),
      grants: [...GRANTS],
      sign: (kind, bytes) => sign(kind, bytes, keys.identity.secret),
    })
    join({ ...made, link }, joiner, 'wrong')
  },
}

/** An owner takes back an invite of his, or gives up one that he was sent. */
const revoke: Action = {
  name: 'revoke an invite',
  weight: 1,
  begin(world) {
    const { random } = world
    const made = someInvite(world)
    if (made === undefined) return
    const by = random.of([made.inviter, ...made.joins.map(({ joiner }) => joiner)])
    by.note(`revokes ${made.key}`)
    by.owner(['unknown-invite', 'usage'], async ({ pairing }) => {
      // What the inviter has done by then stays so: its owner is told.
      if (by !== made.inviter) made.givenUpBy.add(by)
      await pairing.revoke(made.key)
    })
  },
}

export const PAIRING_ACTIONS: readonly Action[] = [invite, useAgain, guess, revoke]

/** Whether a node has a pin of this other one, by its id or by a key. */
export function pins(node: SimNode, other: SimNode): boolean {
  return node.peers.rows.some(
    ({ id, key }) => id === other.id || (key !== undefined && other.keys.has(key)),
  )
}

function someInvite({ ledger, random }: World): MadeInvite | undefined {
  return ledger.invites.length === 0 ? undefined : random.of(ledger.invites.slice(-4))
}

function join(made: MadeInvite, joiner: SimNode, secret: 'right' | 'wrong' = 'right'): void {
  if (made.inviter === joiner) return
  const { inviter, joins, key, link } = made
  joiner.note(`joins ${inviter.name} by ${made.key} with the ${secret} secret`)
  // Expired by its clock; its own; under a name that is taken; of somebody who is blocked.
  joiner.owner(['bad-invite', 'usage', 'exists', 'blocked', 'list-full'], async ({ pairing }) => {
    const known = joins.find((one) => one.joiner === joiner)
    const begun = pairing.joiner.list().some(({ invite }) => invite === key)
    if (known === undefined) joins.push({ joiner, secret })
    // What was begun goes on as it was; what was given up begins anew, with this link.
    else if (!begun) known.secret = secret
    await pairing.joiner.join(link, { name: inviter.name, allow: [...GRANTS] })
  })
}
