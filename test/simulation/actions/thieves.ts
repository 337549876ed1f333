import { createBye } from '../../../src/protocol/bye.ts'
import { INVITE_ID_BYTES } from '../../../src/protocol/invite.ts'
import type { Body } from '../../../src/protocol/message.ts'
import { uuidV7 } from '../../../src/protocol/uuid.ts'
import type { Action } from '../action.ts'
import { rotate } from './keys.ts'
import { recover } from './recovery.ts'
import type { Script } from '../sim-engine.ts'
import type { SimNode } from '../sim-node.ts'
import { FORGERIES, Thief } from '../thief.ts'
import type { Shown } from '../thief.ts'
import { SpokenTo, callAs, talkAs } from '../thief-visit.ts'
import type { World } from '../world.ts'

const MAX_THIEVES = 3

const HOUR_SECONDS = 3_600

/** A recovery after that undoes nothing. */
const WINDOW_MS = 73 * 3_600_000

/** Most calls of a visit. */
const MAX_CALLS = 4

interface Visit {
  thief: Thief
  peer: SimNode
}

/** Somebody copies the keys of a node: the one in use, and sometimes the one that rotates it. */
export const STEAL: Action = {
  name: 'steal keys',
  weight: 3,
  begin(world) {
    const { nodes, random, thieves } = world
    const victim = random.of(nodes)
    const both = random.below(2) === 0 || world.robbed
    if (thieves.length === MAX_THIEVES || victim.keys.retired) return
    const loot = victim.keys.copy()
    const rotationSeed = both ? loot.rotationSeed : undefined
    const thief = new Thief(victim, { ...loot, rotationSeed }, thieves.length)
    thieves.push(thief)
    victim.note(`loses its key in use${thief.rotates ? ' and the one that rotates it' : ''}`)
  },
}

/** A thief of a rotation key makes the log longer, before or after its owner does, and shows it to some or to all. */
const write: Action = {
  name: 'go on with a stolen log',
  weight: 16,
  begin(world) {
    const { random, scheduler, thieves } = world
    const thief = thieves.length === 0 ? undefined : random.of(thieves)
    if (thief?.rotates !== true) return
    if (random.below(8) === 0) {
      thief.victim.note(`${thief.name} ends the log`)
      thief.end(scheduler.now)
      return
    }
    const why = random.below(2) === 0 ? 'compromise' : 'routine'
    const graceSeconds = why === 'compromise' ? 0 : random.below(2) * random.below(HOUR_SECONDS)
    thief.victim.note(`${thief.name} rotates the log: ${why}, ${graceSeconds} s of grace`)
    thief.rotate({ why, graceSeconds, at: scheduler.now })
    for (const peer of peersOf(world, thief.victim)) {
      if (random.below(3) > 0) attempt(world, showLog(world, { thief, peer }, thief.own, false))
    }
  },
}

/** A thief calls a peer as if he were his victim. */
const call: Action = {
  name: 'call under a stolen key',
  weight: 24,
  begin(world) {
    const visit = someVisit(world)
    if (visit === undefined) return
    const { peer, thief } = visit
    const { random } = world
    const as = follows(peer, thief) ? thief.own : random.of([thief.stolen, thief.own])
    const first = doubts(peer, thief) ? [{ verb: 'ask', body: askAs(world, visit) }] : []
    const others = Array.from({ length: 1 + random.below(MAX_CALLS) }, () =>
      someCall(world, visit, as),
    )
    const calls = [...first, ...others]
    thief.victim.note(`${thief.name} calls ${peer.name}: ${calls.map(({ verb }) => verb).join()}`)
    attempt(world, callAs(world, { as, peer, thief }, calls))
  },
}

/** A thief shows a log in a lobby: his own branch of it, or one that he had no key to make. */
const show: Action = {
  name: 'show a stolen log',
  weight: 24,
  begin(world) {
    const visit = someVisit(world)
    if (visit === undefined) return
    const { peer, thief } = visit
    const { random, scheduler } = world
    const forged = random.below(3) === 0
    const { log, secret } = forged
      ? thief.forge(random.of(FORGERIES.filter((what) => what !== 'end')), scheduler.now)
      : thief.own
    thief.victim.note(`${thief.name} shows ${peer.name} a log${forged ? ' that is forged' : ''}`)
    attempt(world, showLog(world, visit, { log, secret }, forged))
  },
}

/** A thief uses an invite as his victim, of which he does not know the secret. */
const propose: Action = {
  name: 'redeem an invite under a stolen key',
  weight: 2,
  begin(world) {
    const visit = someVisit(world)
    if (visit === undefined) return
    const { ledger, random } = world
    const { thief } = visit
    const made = ledger.invites.filter(
      ({ inviter }) => inviter.node !== undefined && inviter !== thief.victim,
    )
    const invite = made.length > 0 ? random.of(made) : undefined
    const peer = invite?.inviter ?? visit.peer
    thief.victim.note(`${thief.name} proposes to ${peer.name}`)
    const id = invite === undefined ? random.bytes(INVITE_ID_BYTES) : Buffer.from(invite.key, 'hex')
    attempt(world, proposeAs(world, { peer, thief }, id))
  },
}

/** An owner notices, and does what he thinks will do: a rotation, or a recovery. */
const notice: Action = {
  name: 'answer a theft',
  weight: 8,
  begin({ random, thieves }) {
    if (thieves.length === 0) return
    const { victim } = random.of(thieves)
    if (random.below(3) === 0) recover(victim)
    else rotate(victim, { why: 'compromise', graceSeconds: 0 })
  },
}

/** Days go by before anybody does anything: what a peer has held for so long, no recovery takes from it. */
const wait: Action = {
  name: 'let days go by',
  weight: 6,
  begin(world) {
    world.goneMs += WINDOW_MS
    for (const node of world.nodes) node.setClock(world.goneMs)
  },
}

export const THIEF_ACTIONS: readonly Action[] = [STEAL, write, call, show, propose, notice, wait]

function someVisit(world: World): Visit | undefined {
  const { random, thieves } = world
  const thief = thieves.length === 0 ? undefined : random.of(thieves)
  const all = thief === undefined ? [] : peersOf(world, thief.victim)
  // Who has fallen for him is worth another visit, and most of all who is in doubt by now.
  const followers = all.filter((peer) => thief !== undefined && follows(peer, thief))
  const doubters = followers.filter((peer) => thief !== undefined && doubts(peer, thief))
  const best = [doubters, followers].find(({ length }) => length > 0) ?? all
  const peers = random.below(4) > 0 ? best : all
  return thief === undefined || peers.length === 0 ? undefined : { thief, peer: random.of(peers) }
}

/** Whether a node takes a thief's key for that of his victim. */
function follows({ node }: SimNode, { made, victim }: Thief): boolean {
  return made.has(node?.pins.byId(victim.id)?.key ?? '')
}

/** Whether a node has seen that two of his victim's branches stand against each other. */
function doubts({ node }: SimNode, { victim }: Thief): boolean {
  return node?.pins.keysOf(victim.id)?.frozen === true
}

/** Nodes that are up and have pinned this one. */
function peersOf({ up }: World, victim: SimNode): SimNode[] {
  return up.filter(({ peers }) => peers.of(victim.id) !== undefined)
}

/** A visit that comes to nothing is none of anybody's business. */
function attempt(world: World, visit: Promise<unknown>): void {
  world.watch(
    visit.catch((err: unknown) => {
      if (err instanceof SpokenTo || err instanceof TypeError) throw err
    }),
  )
}

function someCall(world: World, visit: Visit, as: Shown): { verb: string; body: Body } {
  const { ledger, random, scheduler, thieves } = world
  const { peer, thief } = visit
  const { victim } = thief
  const asked = ledger.sent.filter(({ asker, to }) => asker === victim && to === peer)
  const ask = asked.length === 0 ? uuidV7(scheduler.now, random.bytes(10)) : random.of(asked).id
  switch (random.below(11)) {
    case 0:
      return { verb: 'ping', body: { nonce: random.bytes(4) } }
    case 1:
      return { verb: 'status', body: {} }
    case 2:
    case 3:
      return { verb: 'ask', body: askAs(world, visit) }
    case 4:
      return random.below(2) === 0
        ? { verb: 'ask.cancel', body: { ask } }
        : { verb: 'ask.attach', body: { ask, after: 0 } }
    case 5:
      return { verb: 'key.log', body: random.below(2) === 0 ? {} : { id: victim.id } }
    case 6: {
      const { log } = thief.forge(random.of(FORGERIES), scheduler.now)
      return { verb: 'key.announce', body: { log } }
    }
    case 7:
      return { verb: 'key.announce', body: { log: random.of(thieves).own.log } }
    case 8:
    case 9: {
      const at = scheduler.now + random.below(HOUR_SECONDS) * 1_000
      const bye = createBye({ from: victim.id, to: peer.id, at, seed: as.secret })
      return { verb: 'peer.bye', body: { bye } }
    }
    default:
      return { verb: 'key.announce', body: { log: as.log } }
  }
}

function askAs({ random }: World, { peer, thief: { victim } }: Visit): Body {
  const script: Script = { pieces: random.below(3), everyMs: 1 + random.below(100), end: 'done' }
  return {
    ask: uuidV7(peer.now, random.bytes(10)),
    text: JSON.stringify(script),
    chain: [victim.id],
    timeoutMs: 5_000,
  }
}

async function showLog(world: World, visit: Visit, shown: Shown, forged: boolean): Promise<void> {
  const { log, secret } = shown
  const said = await talkAs(world, { ...visit, secret }, { t: 'show', log })
  const { peer, thief } = visit
  world.tally(
    `${forged ? 'forged' : 'stolen'} log shown: ${said === undefined ? 'nothing' : 'a log'}`,
  )
  if (said === undefined || !forged) return
  throw new SpokenTo(`${peer.name} answers a log of ${thief.victim.name} that is forged`)
}

async function proposeAs(world: World, visit: Visit, invite: Uint8Array): Promise<void> {
  const { random } = world
  const { peer, thief } = visit
  const { log, secret } = thief.stolen
  const said = await talkAs(
    world,
    { ...visit, secret },
    {
      t: 'propose',
      invite,
      commitment: random.bytes(32),
      log,
      addresses: [],
      grants: ['ping'],
      mac: random.bytes(32),
    },
  )
  world.tally('proposal without the secret')
  if (said === undefined) return
  throw new SpokenTo(`${peer.name} answers ${thief.victim.name}'s thief, who has no invite`)
}
