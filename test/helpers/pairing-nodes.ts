import { pino } from 'pino'
import type { Clock } from '../../src/node/clock.ts'
import type { KithNode } from '../../src/node/node.ts'
import type { JoinStanding } from '../../src/node/pairing/join-standing.ts'
import type { JoinOptions } from '../../src/node/pairing/joiner.ts'
import type { Surroundings } from '../../src/node/surroundings.ts'
import type { LobbyMessage, LobbyWire } from '../../src/node/lobby-talk.ts'
import { readInvite } from '../../src/protocol/invite.ts'
import { joinerOpening, joinerRecordOf } from '../../src/protocol/pairing-joiner.ts'
import type { JoinerContext } from '../../src/protocol/pairing-joiner.ts'
import type { ProposeMessage } from '../../src/protocol/pairing-messages.ts'
import { sign } from '../../src/protocol/signed.ts'
import { LogTap } from './log-tap.ts'
import { OpenNodes } from './open-node.ts'
import { tempFolder } from './temp-folder.ts'

/** Test nodes come from one address, which elsewhere would have one visit to a lobby a minute. */
const ROOMY = { 'lobby.per_minute': 1_000, 'lobby.per_address_per_minute': 1_000 }

const HOUR_MS = 3_600_000

/** Whole nodes on loopback that pair with each other, and can be made to see a later time. */
export class PairingNodes {
  readonly #nodes: OpenNodes
  readonly #log: LogTap
  /** How far the clock of a node is ahead of this machine's, in ms. */
  readonly aheadMs = new Map<string, number>()

  constructor(folder: string, log: LogTap) {
    this.#nodes = new OpenNodes(folder)
    this.#log = log
  }

  /** A node that runs. */
  async start(name: string, flags: Record<string, unknown> = {}): Promise<KithNode> {
    const node = await this.#nodes.open(name, {
      flags: { ...ROOMY, ...flags },
      log: pino({ level: 'debug', base: null }, this.#log),
      around: (surroundings) => this.#around(name, surroundings),
    })
    await node.start()
    return node
  }

  async stop(node: KithNode): Promise<void> {
    await this.#nodes.stop(node)
  }

  async stopAll(): Promise<void> {
    await this.#nodes.stopAll()
  }

  #around(name: string, surroundings: Surroundings): Surroundings {
    const { clock } = surroundings
    const ahead: Clock = { ...clock, now: () => clock.now() + (this.aheadMs.get(name) ?? 0) }
    return { ...surroundings, clock: ahead }
  }
}

/** The link of a new invite for whoever is to be called `name`. */
export async function invite(node: KithNode, name: string, ttlMs = HOUR_MS): Promise<string> {
  const init = { name, allow: ['ping', 'ask'] as const, ttlMs }
  return (await node.pairing.inviter.create(init)).link
}

/** How it stands when this node has tried once to redeem the invite in `link`. */
export async function join(
  node: KithNode,
  link: string,
  options: Partial<JoinOptions> = {},
): Promise<JoinStanding> {
  const begun = await node.pairing.joiner.join(link, { allow: ['ping', 'ask'], ...options })
  return await attempted(node, begun)
}

/** How it stands after one attempt more than at `before`. */
export async function attempted(node: KithNode, before: JoinStanding): Promise<JoinStanding> {
  const signal = AbortSignal.timeout(15_000)
  return await node.pairing.joiner.follow(before.invite, before.attempts, signal)
}

/**
 * Sends the first message of a pairing from this node to the maker of an invite, changed, and leaves. Resolves when it
 * is on its way.
 */
export async function propose(
  node: KithNode,
  link: string,
  change: (message: ProposeMessage) => LobbyMessage = (same) => same,
): Promise<void> {
  const invite = readInvite(link, node.clock.now())
  const record = joinerRecordOf(invite, { ownId: node.self.id, name: 'x', allow: [], now: 0 })
  const talk = async (wire: LobbyWire, remotePeerId: string): Promise<void> => {
    const opening = joinerOpening(record, contextOf(node, remotePeerId))
    if (opening?.message.t !== 'propose') throw new TypeError('no proposal')
    await wire.write(change(opening.message))
  }
  await node.mesh.talkAt(invite.addresses[0] ?? '', talk, AbortSignal.timeout(10_000))
}

/** What the machine of a joiner takes from this node. */
export function contextOf({ clock, self }: KithNode, remotePeerId: string): JoinerContext {
  return {
    now: clock.now(),
    ownId: self.id,
    ownLog: self.events,
    ownPeerId: self.key,
    remotePeerId,
    nonce: new Uint8Array(16),
    heldLog: () => undefined,
    sign: (kind, bytes) => sign(kind, bytes, self.secret),
    ownAddresses: [],
  }
}

/** Nodes that are stopped after each test, and all that they log. Call it in `describe`, its result in tests. */
export function pairingNodes(): () => { nodes: PairingNodes; log: LogTap } {
  const folder = tempFolder()
  let all: { nodes: PairingNodes; log: LogTap }
  beforeEach(() => {
    const log = new LogTap()
    all = { nodes: new PairingNodes(folder(), log), log }
  })
  afterEach(() => all.nodes.stopAll())
  return () => all
}
