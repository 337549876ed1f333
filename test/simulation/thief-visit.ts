import { multiaddr } from '@multiformats/multiaddr'
import type { Answer } from '../../src/node/answer.ts'
import { WireFailure } from '../../src/node/answer.ts'
import { Link } from '../../src/node/link.ts'
import { lobbyWire } from '../../src/node/lobby-talk.ts'
import type { LobbyMessage } from '../../src/node/lobby-talk.ts'
import { channelOf, cut } from '../../src/node/transport.ts'
import type { Transport } from '../../src/node/transport.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import {
  LINK_PROTOCOL,
  LINK_VERSION_MAX,
  LINK_VERSION_MIN,
  LOBBY_PROTOCOL,
  LOBBY_TIMEOUT_MS,
} from '../../src/protocol/limits.ts'
import type { Body } from '../../src/protocol/message.ts'
import { validateKeyLog } from '../../src/protocol/key-log.ts'
import { peerIdOf } from '../../src/protocol/peer-id.ts'
import { createReceipt } from '../../src/protocol/receipt.ts'
import { keyAnnounceCall } from '../../src/protocol/verbs.ts'
import type { StolenBye } from './ledger.ts'
import type { NetworkHost } from './sim-connection.ts'
import type { SimNode } from './sim-node.ts'
import type { Shown, Thief } from './thief.ts'
import type { World } from './world.ts'

/** Time until a thief hangs up, in ms. */
const VISIT_MS = 10_000

/** A lobby lets each address in once a minute, and thieves have many. */
const ADDRESSES = 250

/** What a peer says to a call. */
type Said = 'end' | 'failure' | 'nothing'

/** What the holder of a key may hear, as a peer knows the keys of its node now. */
type Due = 'anything' | 'no asks' | 'key logs' | 'nothing'

/** Comes to a peer under a key that he has no right to, and makes calls. What he hears is looked at. */
export async function callAs(
  world: World,
  { as, peer, thief }: { thief: Thief; as: Shown; peer: SimNode },
  calls: readonly { verb: string; body: Body }[],
): Promise<void> {
  const { scheduler } = world
  const key = peerIdOf(publicKeyOf(as.secret))
  const transport = await transportOf(world, thief, as.secret)
  const hangUp = AbortSignal.timeout(VISIT_MS)
  const connection = await transport.dial(multiaddr(peer.address), hangUp)
  const stream = await connection.newStream(LINK_PROTOCOL, { signal: hangUp })
  const link = new Link(channelOf(stream, connection), {
    peer: { id: peer.id, key: connection.remotePeer.toString() },
    outbound: true,
    openedAt: scheduler.now,
    hello: {
      t: 'hello',
      at: scheduler.now,
      sn: as.log.length - 1,
      epoch: world.random.below(3),
      software: 'thief',
      versions: [LINK_VERSION_MIN, LINK_VERSION_MAX],
    },
    answer: (answer) => answerAs(answer, { as, peer, thief, at: scheduler.now }),
  })
  scheduler.after(VISIT_MS, () => {
    link.abort(new Error('the thief hangs up'))
  })
  await link.opened
  const { victim } = thief
  for (const { body, verb } of calls) {
    const before = dueTo(peer, victim, key)
    const hadBye = peer.node?.byes.since(victim.id) !== undefined
    // It may change while the call is under way, and change back.
    const dues = new Set([before])
    const look = (): void => {
      dues.add(dueTo(peer, victim, key))
    }
    world.lookouts.add(look)
    const said = await hear(link, verb, body)
    world.lookouts.delete(look)
    victim.note(`${thief.name} calls ${verb} at ${peer.name}: ${said}`)
    world.tally(`${verb}: ${before}, ${said}`)
    if (![...dues].some((due) => permits(due, verb, said))) {
      throw new SpokenTo(
        `${peer.name} gives ${said} for ${verb} to a key of ${victim.name} that is out`,
      )
    }
    if (verb === 'peer.bye' && said === 'end' && !hadBye) noteBye(world, { victim, to: peer, key })
  }
}

function noteBye({ ledger }: World, bye: Omit<StolenBye, 'edits'>): void {
  const { to, victim } = bye
  ledger.stolenByes.push({ ...bye, edits: ledger.edits(to, victim) + ledger.edits(victim, to) })
}

/** Begins a talk in a peer's lobby, and returns what he hears there, if anything. */
export async function talkAs(
  world: World,
  { peer, secret, thief }: { thief: Thief; secret: Uint8Array; peer: SimNode },
  message: LobbyMessage,
): Promise<LobbyMessage | undefined> {
  const transport = await transportOf(world, thief, secret)
  const hangUp = AbortSignal.timeout(LOBBY_TIMEOUT_MS)
  const connection = await transport.dial(multiaddr(peer.address), hangUp)
  try {
    const stream = await connection.newStream(LOBBY_PROTOCOL, { signal: hangUp })
    const wire = lobbyWire(stream, hangUp)
    await wire.write(message)
    return await wire.read().catch(() => undefined)
  } finally {
    cut(connection, new Error('the thief hangs up'))
  }
}

/** A peer has said something to a key that should hear nothing. */
export class SpokenTo extends Error {
  override readonly name = 'SpokenTo'
}

async function transportOf(world: World, thief: Thief, secret: Uint8Array): Promise<Transport> {
  const address = `/ip4/10.0.9.${world.random.below(ADDRESSES)}/tcp/7423`
  const host: NetworkHost = { name: thief.name, address, alive: () => world.thieving }
  return await world.network.createTransport(host)({ secret, listen: [], gater: {} })
}

async function hear(link: Link, verb: string, body: Body): Promise<Said> {
  const heard: number[] = []
  const onEvent = (seq: number): void => {
    heard.push(seq)
  }
  try {
    await link.call(verb, body, { deadlineMs: VISIT_MS, onEvent })
    return 'end'
  } catch (err) {
    // An ask that was taken and failed later was taken all the same.
    if (heard.length > 0) return 'end'
    return err instanceof WireFailure ? 'failure' : 'nothing'
  }
}

function dueTo(peer: SimNode, victim: SimNode, key: string): Due {
  const node = peer.answering
  const known = node?.pins.keysOf(victim.id)
  if (node === undefined || known === undefined) return 'nothing'
  const { superseded } = known
  if (superseded?.key === key && superseded.until > node.clock.now()) return 'key logs'
  if (known.key !== key) return 'nothing'
  return known.frozen ? 'no asks' : 'anything'
}

function permits(due: Due, verb: string, said: Said): boolean {
  if (said === 'nothing') return true
  switch (due) {
    case 'anything':
      return true
    case 'no asks':
      // Also a bye: who of two has said it does not matter to who is not served.
      return said === 'failure' || /^(ping|peer\.bye|key\.)/.test(verb)
    case 'key logs':
      return said === 'failure' || verb.startsWith('key.')
    case 'nothing':
      return false
  }
}

/** What a peer hears that takes him for his victim: that its keys are known, and that its asks are not wanted. */
function answerAs(
  { call }: Answer,
  { as, at, peer, thief }: { thief: Thief; as: Shown; peer: SimNode; at: number },
): Body {
  if (call.verb !== 'key.announce') throw new WireFailure('denied', { rule: 'thief' })
  const { head, id, sn } = validateKeyLog(keyAnnounceCall.parse(call.body).log)
  if (id !== peer.id) throw new WireFailure('denied', { rule: 'thief' })
  const { id: by } = thief.victim
  return { receipt: createReceipt({ id, sn, head, by, seenAt: at, seed: as.secret }) }
}
