import { join } from 'node:path'
import { pino } from 'pino'
import type { Logger } from 'pino'
import { readConfig } from '../../src/node/config.ts'
import { homeOf } from '../../src/node/home.ts'
import { createIdentity, openIdentity } from '../../src/node/identity.ts'
import type { CreatedIdentity, CreateIdentityOptions } from '../../src/node/identity.ts'
import { KithNode } from '../../src/node/node.ts'
import { surroundingsOf } from '../../src/node/surroundings.ts'
import type { Surroundings } from '../../src/node/surroundings.ts'
import type { PeerRow } from '../../src/protocol/pin.ts'
import { editPeers } from '../../src/store/peers-file.ts'
import { tempFolder } from './temp-folder.ts'

export interface OpenInit {
  /** Settings beside its name and where it listens. */
  flags?: Record<string, unknown>
  /** @default nothing is kept */
  log?: Logger
  /** Changes what the node finds around it. @default this machine as it is */
  around?: (surroundings: Surroundings) => Surroundings
}

/** Whole nodes in this process, each in a home of its own in the folder of the test. */
export class OpenNodes {
  readonly #folder: string
  readonly #open = new Set<KithNode>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes the home of a node, for `open`. */
  async make(name: string, options: CreateIdentityOptions = {}): Promise<CreatedIdentity> {
    return await createIdentity(join(this.#folder, name), { clear: true }, Date.now(), options)
  }

  /** Opens the node of this name, made if there is none, on a free port of loopback. */
  async open(
    name = 'node',
    { around = (same) => same, flags = {}, log = pino({ level: 'silent' }) }: OpenInit = {},
  ): Promise<KithNode> {
    const home = homeOf({ KITH_HOME: join(this.#folder, name) }, undefined)
    await createIdentity(home.path, { clear: true }, Date.now()).catch(() => undefined)
    const config = await readConfig(
      home.config,
      {},
      {
        name,
        listen: ['/ip4/127.0.0.1/tcp/0'],
        ...flags,
      },
    )
    const identity = await openIdentity(home.path, undefined)
    const surroundings = around(await surroundingsOf(home, config))
    const node = await KithNode.openIn(surroundings, { home, config, identity, log })
    this.#open.add(node)
    return node
  }

  /** Writes a pin into the peers.yaml of a node. */
  async pin(peer: PeerRow, name = 'node'): Promise<void> {
    await editPeers(join(this.#folder, name, 'peers.yaml'), { op: 'add', peer })
  }

  async stop(node: KithNode, drainMs = 0): Promise<void> {
    this.#open.delete(node)
    await node.stop(drainMs)
  }

  async stopAll(): Promise<void> {
    for (const node of this.#open) await this.stop(node)
  }
}

/** Nodes that are stopped after each test. Call it in `describe`, its result in tests. */
export function openNodes(): () => OpenNodes {
  const folder = tempFolder()
  let nodes: OpenNodes
  beforeEach(() => {
    nodes = new OpenNodes(folder())
  })
  afterEach(() => nodes.stopAll())
  return () => nodes
}
