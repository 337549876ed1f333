import type { Logger } from 'pino'
import { KithError } from '../protocol/errors.ts'
import {
  CROSSING_MS,
  HELLO_TIMEOUT_MS,
  LINK_VERSION_MAX,
  LINK_VERSION_MIN,
  LIVENESS_INTERVAL_MS,
} from '../protocol/limits.ts'
import type { Body, Hello } from '../protocol/message.ts'
import { singleLine } from '../protocol/text.ts'
import type { Answer, LinkPeer } from './answer.ts'
import type { Channel } from './channel.ts'
import type { Clock } from './clock.ts'
import { Link } from './link.ts'
import type { KnownPeer, Pins } from './pins.ts'

/** How often deadlines are looked at: a call's end may come so much later than it was due. */
const SWEEP_INTERVAL_MS = 250

/** A node that has announced its new key listens under it before that. */
const SUPERSEDED_LINK_MS = 10_000

/** So long the last call of a node that has retired may take: it waits for a receipt. */
const RETIRED_LINK_MS = 2_000

/** Links of one peer, with those that wait for hello or retire. */
export const MAX_LINKS_PER_PEER = 4

export interface LinksComponents {
  pins: Pick<Pins, 'byKey' | 'onChange' | 'peers'>
  clock: Clock
  log: Logger
  dispatcher: { dispatch(answer: Answer): Body | Promise<Body> }
}

export interface LinksInit {
  /** Peer id of our key in use. */
  ownKey: () => string
  /** Our hello, made anew for each link. */
  hello: () => Hello
}

/** The links that are up: one a peer, cut as soon as its pin is gone. */
export class Links {
  readonly #components: LinksComponents
  readonly #init: LinksInit
  readonly #links = new Map<string, Link>()
  /** Also those that wait for hello, or retire. */
  readonly #all = new Set<Link>()
  readonly #superseded = new WeakSet<Link>()
  readonly #ended = new WeakSet<Link>()
  readonly #listeners = new Set<(peer: LinkPeer, up: boolean) => void>()
  readonly #openListeners = new Set<(link: Link) => void>()
  #stops: (() => void)[] = []

  constructor(components: LinksComponents, init: LinksInit) {
    this.#components = components
    this.#init = init
  }

  start(): void {
    const { clock, pins } = this.#components
    this.#stops = [
      clock.every(SWEEP_INTERVAL_MS, () => {
        const now = clock.now()
        for (const link of this.#all) link.sweep(now)
      }),
      clock.every(LIVENESS_INTERVAL_MS, () => {
        for (const link of this.#all) if (link.beat()) this.#ping(link)
      }),
      pins.onChange(() => {
        this.#followPins()
      }),
    ]
  }

  stop(): void {
    for (const stop of this.#stops) stop()
    for (const link of this.#all) link.abort(new Error('this node is stopping'))
  }

  /** The link to the node with this id, if one is up. A link that a superseded key opens is only served. */
  get(id: string): Link | undefined {
    const link = this.#links.get(id)
    // A clock that is set forward ends a key's grace at once; the timer that cuts its link is later.
    const isOut = link !== undefined && this.#components.pins.byKey(link.peer.key) === undefined
    return isOut ? undefined : link
  }

  /** True while a link under this key hears its last answer, though its node has retired. */
  lingers(key: string): boolean {
    return [...this.#all].some((link) => link.peer.key === key && this.#ended.has(link))
  }

  get size(): number {
    return this.#links.size
  }

  /** Calls `listener` when a peer's first link comes up and when its last one is gone. */
  onChange(listener: (peer: LinkPeer, up: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Calls `listener` with each link whose peer has said hello, until the returned function is called. */
  onOpen(listener: (link: Link) => void): () => void {
    this.#openListeners.add(listener)
    return () => {
      this.#openListeners.delete(listener)
    }
  }

  /**
   * The link over `channel`, once both sides have said hello, or the one that is there already and stays instead.
   *
   * @throws {KithError} `connection-lost` when the peer does not, or speaks no version of ours
   */
  async open(channel: Channel, peer: KnownPeer, outbound: boolean): Promise<Link> {
    const { clock, dispatcher, pins } = this.#components
    // The hello first: what is said later, by the same clock, is never older than it.
    const hello = this.#init.hello()
    const link = new Link(channel, {
      peer: { id: peer.id, key: peer.key },
      outbound,
      openedAt: clock.now(),
      hello,
      greet: (hello) => {
        assertCommonVersion(hello, peer)
      },
      answer: (answer) => dispatcher.dispatch(answer),
    })
    this.#all.add(link)
    this.#boundLinksOf(peer.key)
    void link.closed.then((reason) => {
      this.#remove(link, reason)
    })
    const cancel = clock.after(HELLO_TIMEOUT_MS, () => {
      link.abort(new Error('no hello'))
    })
    try {
      await link.opened
    } finally {
      cancel()
    }
    // The pin may have gone while we waited.
    if (pins.byKey(peer.key) !== undefined) {
      const stays = this.#add(link)
      for (const listener of this.#openListeners) listener(link)
      return stays
    }
    link.abort(new Error('unpinned'))
    return link
  }

  /** Takes a link that is open, and returns the one that stays: it, or the one that was there. */
  #add(link: Link): Link {
    const { id, key } = link.peer
    if (this.#isSuperseded(key)) {
      link.retire()
      return link
    }
    const current = this.#links.get(id)
    if (current === undefined) {
      this.#links.set(id, link)
      this.#components.log.info(
        {
          peer: id,
          outbound: link.outbound,
          remote: { software: singleLine(link.hello?.software ?? '', 64) },
        },
        'peer connected',
      )
      this.#tell(link.peer, true)
      return link
    }
    const better = current.peer.key === key ? betterLink(current, link, this.#init.ownKey()) : link
    this.#links.set(id, better)
    const other = better === link ? current : link
    other.retire()
    return better
  }

  /** Whoever holds such a key may still say a few things, and is not the one whom we call. */
  #isSuperseded(key: string): boolean {
    return this.#components.pins.byKey(key)?.superseded === true
  }

  #remove(link: Link, reason: Error): void {
    this.#all.delete(link)
    const { id } = link.peer
    if (this.#links.get(id) !== link) return
    this.#links.delete(id)
    this.#components.log.info({ peer: id, reason: reason.message }, 'peer disconnected')
    this.#tell(link.peer, false)
  }

  /** One link is enough; a second crosses it, or follows it. More is an attack on our memory. */
  #boundLinksOf(key: string): void {
    const links = [...this.#all].filter((link) => link.peer.key === key)
    const excess = links.slice(0, Math.max(0, links.length - MAX_LINKS_PER_PEER))
    for (const link of excess) link.abort(new Error('too many links of one peer'))
  }

  #tell(peer: LinkPeer, up: boolean): void {
    for (const listener of this.#listeners) listener(peer, up)
  }

  #followPins(): void {
    for (const link of this.#all) {
      const { key } = link.peer
      if (this.#components.pins.byKey(key) === undefined) this.#dismiss(link)
      // Its peer is about to call with its new key: what is under way on this one may come to its end.
      else if (this.#isSuperseded(key) && !this.#superseded.has(link)) this.#supersede(link)
    }
  }

  /** Ends what its key has no right to any more. A node that has retired still hears that this is known. */
  #dismiss(link: Link): void {
    const { clock, pins } = this.#components
    const { id } = link.peer
    if (!pins.peers().some((peer) => peer.id === id && peer.retired)) {
      link.abort(new Error('unpinned'))
      return
    }
    if (this.#ended.has(link)) return
    this.#ended.add(link)
    if (this.#links.get(id) === link) {
      this.#links.delete(id)
      this.#tell(link.peer, false)
    }
    link.retire()
    const cancel = clock.after(RETIRED_LINK_MS, () => {
      link.abort(new Error('its node has retired'))
    })
    void link.closed.then(cancel)
  }

  /** Calls go elsewhere after a moment, though what is under way may take hours: this key may be in other hands. */
  #supersede(link: Link): void {
    this.#superseded.add(link)
    link.retire()
    const { id } = link.peer
    const cancel = this.#components.clock.after(SUPERSEDED_LINK_MS, () => {
      if (this.#links.get(id) !== link) return
      this.#links.delete(id)
      this.#tell(link.peer, false)
    })
    void link.closed.then(cancel)
  }

  /** What counts is that bytes come: also a refusal of this ping shows that the peer lives. */
  #ping(link: Link): void {
    link
      .call('ping', { nonce: new Uint8Array(0) }, { deadlineMs: LIVENESS_INTERVAL_MS })
      .catch(() => undefined)
  }
}

/**
 * Which of two links to one peer stays. Both sides come to the same answer: of two that crossed on their way, the
 * one opened by the smaller peer id; else the newer, since whoever opened it had lost the older.
 */
export function betterLink(current: Link, fresh: Link, ownKey: string): Link {
  const crossed =
    current.outbound !== fresh.outbound &&
    Math.abs(fresh.openedAt - current.openedAt) < CROSSING_MS &&
    current.hello?.epoch === fresh.hello?.epoch
  if (!crossed) return fresh
  const oursStays = ownKey < fresh.peer.key
  return fresh.outbound === oursStays ? fresh : current
}

function assertCommonVersion(hello: Hello, peer: KnownPeer): void {
  const [min, max] = hello.versions
  if (min <= LINK_VERSION_MAX && max >= LINK_VERSION_MIN) return
  throw new KithError(
    'connection-lost',
    `${peer.pin.name} speaks link versions ${min} to ${max}, this node ${LINK_VERSION_MIN} to ${LINK_VERSION_MAX}`,
    { peer: peer.id },
    { hint: `update kith on the older of the two nodes; theirs is ${hello.software}` },
  )
}
