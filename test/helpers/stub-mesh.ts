import type { LinkPeer } from '../../src/node/answer.ts'
import { KithError } from '../../src/protocol/errors.ts'
import type { Link } from '../../src/node/link.ts'
import type { KnownPeer } from '../../src/node/pins.ts'
import { linkOver } from './links.ts'
import { channelPair } from './memory-channel.ts'
import type { ManualClock } from './manual-clock.ts'

/** Links that come up and go down when a test says so. */
export class StubLinks {
  readonly #up = new Map<string, Link>()
  readonly #listeners = new Set<(peer: LinkPeer, up: boolean) => void>()
  readonly #clock: ManualClock

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  get(id: string): Link | undefined {
    return this.#up.get(id)
  }

  onChange(listener: (peer: LinkPeer, up: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  get listeners(): number {
    return this.#listeners.size
  }

  up({ id, key }: LinkPeer, outbound = true): Link {
    const [channel] = channelPair()
    const openedAt = this.#clock.now()
    const link = linkOver(channel, { peer: { id, key }, outbound, openedAt })
    this.#up.set(id, link)
    for (const listener of this.#listeners) listener({ id, key }, true)
    return link
  }

  down({ id, key }: LinkPeer): void {
    const link = this.#up.get(id)
    this.#up.delete(id)
    link?.abort(new Error('the link went down'))
    for (const listener of this.#listeners) listener({ id, key }, false)
  }
}

/** What is at an address: a node that answers, an error, or nothing that ends by itself. */
export type Place = KnownPeer | Error | 'silence'

/** A network of addresses, each with what is there, and a record of who was looked for. */
export class StubMesh {
  /** `dial …` and `lobby …`, each with its address, in order. */
  readonly tried: string[] = []
  /** What a dial of this address finds; without one, nobody. */
  readonly at = new Map<string, Place>()
  /** What its lobby shows, if that is another thing. */
  readonly lobbyAt = new Map<string, Place>()
  /** How many tries are under way. */
  underWay = 0
  readonly #links: StubLinks

  constructor(links: StubLinks) {
    this.#links = links
  }

  dial = async (peer: KnownPeer, address: string, signal: AbortSignal): Promise<Link> => {
    this.tried.push(`dial ${address}`)
    const found = await this.#find(this.at.get(address), signal)
    if (found.key !== peer.key) {
      throw new KithError('connection-lost', 'another key answers', { peer: peer.id })
    }
    return this.#links.up(found)
  }

  visitLobby = async (address: string, signal: AbortSignal): Promise<KnownPeer> => {
    this.tried.push(`lobby ${address}`)
    return await this.#find(this.lobbyAt.get(address) ?? this.at.get(address), signal)
  }

  async #find(place: Place | undefined, signal: AbortSignal): Promise<KnownPeer> {
    this.underWay++
    try {
      signal.throwIfAborted()
      if (place === 'silence') await never(signal)
      if (place === undefined || place === 'silence') throw new Error('connect ECONNREFUSED')
      if (place instanceof Error) throw place
      return place
    } finally {
      this.underWay--
    }
  }
}

/** An error as libp2p names them. */
export function named(name: string): Error {
  return Object.assign(new Error(name), { name })
}

function never(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error)
    })
  })
}
