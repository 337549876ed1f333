import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Connection, Libp2p } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { seedOf } from './stub-pins.ts'

export interface OutsiderInit {
  /** Address of this machine that it dials from. @default 127.0.0.1 */
  from?: string
}

/** A libp2p node with the key of `name` and libp2p's own defaults, which dials whom it likes and says what it likes. */
export class Outsider {
  readonly libp2p: Libp2p

  private constructor(libp2p: Libp2p) {
    this.libp2p = libp2p
  }

  static async start(name: string, { from = '127.0.0.1' }: OutsiderInit = {}): Promise<Outsider> {
    const libp2p = await createLibp2p({
      privateKey: await generateKeyPairFromSeed('Ed25519', seedOf(name)),
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      // No types for it: dialOpts are handed to net.connect().
      transports: [tcp({ dialOpts: { localAddress: from } as object })],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionMonitor: { enabled: false },
      // What is dialled here is loopback, which libp2p's own gater refuses in no build but the browser's.
      connectionGater: {},
    })
    return new Outsider(libp2p)
  }

  get key(): string {
    return this.libp2p.peerId.toString()
  }

  get address(): string {
    const [address] = this.libp2p.getMultiaddrs()
    return address?.decapsulate('/p2p').toString() ?? ''
  }

  async dial(address: string): Promise<Connection> {
    return await this.libp2p.dial(multiaddr(address), { signal: AbortSignal.timeout(10_000) })
  }

  async stop(): Promise<void> {
    await this.libp2p.stop()
  }
}

/** Outsiders that are stopped after each test. Call it in `describe`, its result in tests. */
export function outsiders(): (name: string, init?: OutsiderInit) => Promise<Outsider> {
  let started: Outsider[] = []
  afterEach(async () => {
    await Promise.all(started.map((outsider) => outsider.stop()))
    started = []
  })
  return async (name, init) => {
    const outsider = await Outsider.start(name, init)
    started.push(outsider)
    return outsider
  }
}

/** Resolves when the connection is closed at our side, by whomever. */
export async function closed(connection: Connection): Promise<void> {
  if (connection.status !== 'open') return
  const { promise, resolve } = Promise.withResolvers<undefined>()
  connection.addEventListener('close', () => {
    resolve(undefined)
  })
  await promise
}
