import { systemClock } from '../../src/node/clock.ts'
import type { Clock } from '../../src/node/clock.ts'
import { Dispatcher } from '../../src/node/dispatcher.ts'
import { Guard } from '../../src/node/guard.ts'
import { KeyTrade } from '../../src/node/key-trade.ts'
import type { KeyTradeComponents } from '../../src/node/key-trade.ts'
import type { Link } from '../../src/node/link.ts'
import { Links } from '../../src/node/links.ts'
import { Lobby } from '../../src/node/lobby.ts'
import type { LobbyComponents, LobbyInit } from '../../src/node/lobby.ts'
import { createLog } from '../../src/node/log.ts'
import { Mesh } from '../../src/node/mesh.ts'
import type { MeshComponents } from '../../src/node/mesh.ts'
import { createTransport } from '../../src/node/transport.ts'
import { pingVerb } from '../../src/node/verbs/ping.ts'
import { LINK_VERSION_MAX, LINK_VERSION_MIN } from '../../src/protocol/limits.ts'
import { LogTap } from './log-tap.ts'
import { StubPins, peerOf, seedOf } from './stub-pins.ts'

export interface TestMeshInit {
  /** Names of the nodes it has pinned. @default none */
  peers?: string[]
  /** @default the system's */
  clock?: Clock
  /** @default a free port of 127.0.0.1 */
  listen?: string[]
  /** What the lobby asks and tells. @default stub pins, that know nobody's key log */
  lobbyPins?: KeyTradeComponents['pins'] & LobbyComponents['pins']
  /** @default the limits of a node, and open while a pin waits */
  lobby?: Partial<LobbyInit>
  /** @default some that are only noted */
  strangers?: MeshComponents['strangers']
  /** Its own key log. @default none */
  ownLog?: Uint8Array[]
}

/** A node without a store and without asks: pins, gate, lobby, links and libp2p, and `ping`. */
export class TestMesh {
  readonly name: string
  readonly mesh: Mesh
  readonly links: Links
  readonly lobby: Lobby
  readonly pins: StubPins
  readonly log = new LogTap()
  /** Keys that were noted as strangers, in order. */
  readonly noted: string[] = []
  /** Keys and node ids that are blocked. */
  readonly blocked = new Set<string>()
  /** Calls of peers that were dispatched. */
  calls = 0

  constructor(name: string, init: TestMeshInit = {}) {
    const { clock = systemClock, lobby, lobbyPins, ownLog = [], peers = [] } = init
    const { log: tap } = this
    const log = createLog('debug', tap)
    this.name = name
    this.pins = new StubPins(peers.map((peer) => peerOf(peer)))
    const { pins } = this
    const guard = new Guard([pingVerb({ software: 'kith/test', startedAt: clock.now() })])
    const dispatcher = new Dispatcher({ pins, guard, clock, log, incidentId: () => 'incident' })
    const versions: [number, number] = [LINK_VERSION_MIN, LINK_VERSION_MAX]
    this.links = new Links(
      {
        pins,
        clock,
        log,
        dispatcher: {
          dispatch: (answer) => {
            this.calls++
            return dispatcher.dispatch(answer)
          },
        },
      },
      {
        ownKey: () => peerOf(name).key,
        hello: () => ({
          t: 'hello',
          at: clock.now(),
          sn: 0,
          epoch: 1,
          software: 'kith/test',
          versions,
        }),
      },
    )
    const trade = new KeyTrade({
      pins: lobbyPins ?? pins,
      own: { id: peerOf(name).id, events: ownLog, observe: () => undefined },
      log,
    })
    this.lobby = new Lobby(
      { pins: lobbyPins ?? pins, clock, log, talks: { show: trade.serve } },
      { open: () => pins.waiting, perMinute: 10, perAddressPerMinute: 1, ...lobby },
    )
    const strangers = init.strangers ?? {
      blocks: (who) => this.blocked.has(who),
      note: (key) => {
        this.noted.push(key)
      },
    }
    this.mesh = new Mesh(
      { pins, links: this.links, lobby: this.lobby, strangers, trade, createTransport, clock, log },
      { secret: seedOf(name), listen: init.listen ?? ['/ip4/127.0.0.1/tcp/0'] },
    )
  }

  async start(): Promise<void> {
    this.links.start()
    await this.mesh.start()
  }

  async stop(): Promise<void> {
    this.links.stop()
    await this.mesh.stop()
  }

  get address(): string {
    return this.mesh.addresses()[0] ?? ''
  }

  get port(): number {
    return Number(this.address.split('/').at(-1))
  }

  /** Opens a link to the node of this name. */
  async dial(name: string, address: string): Promise<Link> {
    return await this.mesh.dial(peerOf(name), address, AbortSignal.timeout(10_000))
  }

  /** The link to a peer, once it is up at this side. */
  async linkTo(name: string): Promise<Link> {
    const { id } = peerOf(name)
    for (;;) {
      const link = this.links.get(id)
      if (link !== undefined) return link
      const { promise, resolve } = Promise.withResolvers<undefined>()
      const stop = this.links.onChange((peer, up) => {
        if (up && peer.id === id) resolve(undefined)
      })
      await promise
      stop()
    }
  }
}

/** Sends a ping, and throws if there is no answer. */
export async function ping(link: Link): Promise<void> {
  await link.call('ping', { nonce: new Uint8Array(8) }, { deadlineMs: 10_000 })
}

/** Nodes that are stopped after each test. Call it in `describe`, its result in tests. */
export function testMeshes(): (name: string, init?: TestMeshInit) => Promise<TestMesh> {
  let meshes: TestMesh[] = []
  afterEach(async () => {
    await Promise.all(meshes.map((mesh) => mesh.stop()))
    meshes = []
  })
  return async (name, init) => {
    const mesh = new TestMesh(name, init)
    meshes.push(mesh)
    await mesh.start()
    return mesh
  }
}
