import type { Logger } from 'pino'
import { raceSignal } from 'race-signal'
import { backoffMs } from '../protocol/backoff.ts'
import { KithError, isFailure, toError } from '../protocol/errors.ts'
import type { Clock } from './clock.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import { isKnown } from './pins.ts'
import type { KnownPeer, Peer, Pins } from './pins.ts'

export interface DialerComponents {
  pins: Pick<Pins, 'peers' | 'byName' | 'onChange'>
  links: Pick<Links, 'get' | 'onChange'>
  mesh: {
    /** Opens a link to the peer at this address. */
    dial(peer: KnownPeer, address: string, signal: AbortSignal): Promise<Link>
    /** Trades key logs with whoever is at this address. */
    visitLobby(address: string, signal: AbortSignal): Promise<KnownPeer>
  }
  /** False when the peer may not have heard of the key that we have now. */
  knowsUs: (peer: Peer) => boolean
  clock: Clock
  random: () => number
  log: Logger
}

/** How the dialer stands with one peer. */
export interface DialState {
  /** Failed attempts in a row. */
  failures: number
  /** Why the last attempt failed. */
  lastError?: string
  /** When the next attempt is due, in ms since the epoch, unless something wakes it before. */
  nextAt?: number
  /** Peer id of whoever is at its address and has not shown to be this peer. Kept until there is a link. */
  otherKey?: string
}

/** A link that ends sooner counts as a failed attempt, so that a peer that hangs up is not redialled in a loop. */
const STEADY_MS = 5_000

const SCATTER_MS = 500

interface Keeper {
  /** The addresses that it was started for: when they change, it starts anew. */
  target: string
  stop: AbortController
  /** Ends the wait for the next attempt. */
  wait: AbortController
  state: DialState
  attempt: Promise<Link> | undefined
  lastGood: string | undefined
  /** The peer closed the last link unheard: it may not know our key, so its lobby comes first. */
  lobbyFirst: boolean
  done: Promise<void>
}

/** Keeps one connection open to every pinned peer that has an address, for ever, backing off from those that fail. */
export class Dialer {
  readonly #components: DialerComponents
  readonly #keepers = new Map<string, Keeper>()
  #stops: (() => void)[] = []

  constructor(components: DialerComponents) {
    this.#components = components
  }

  start(): void {
    const { links, pins } = this.#components
    this.#stops = [
      pins.onChange(() => {
        this.#follow()
      }),
      links.onChange((peer, up) => {
        if (!up) this.#keeperOf(peer.id)?.wait.abort()
      }),
    ]
    this.#follow()
  }

  /** Resolves once no dial of ours is under way. */
  async stop(): Promise<void> {
    for (const stop of this.#stops) stop()
    const keepers = [...this.#keepers.values()]
    this.#keepers.clear()
    for (const { stop } of keepers) stop.abort()
    await Promise.allSettled(keepers.flatMap(({ attempt, done }) => [attempt ?? done, done]))
  }

  state(name: string): DialState | undefined {
    return this.#keepers.get(name)?.state
  }

  /** Tries all peers again that it waits for: whoever turned away from our key before has another one to look at. */
  wake(): void {
    for (const keeper of this.#keepers.values()) {
      keeper.state = { failures: 0 }
      keeper.wait.abort()
    }
  }

  /**
   * A link to this peer: the one that is up, or that of an attempt made now.
   *
   * @throws {KithError} `unreachable`, also when `signal` aborts before the attempt has come to an end
   */
  async connect(peer: Peer, signal?: AbortSignal): Promise<Link> {
    const up = peer.id === undefined ? undefined : this.#components.links.get(peer.id)
    if (up !== undefined) return up
    const keeper = this.#keepers.get(peer.pin.name)
    // Also of one that is dialled in case its owner takes its end back: a call need not wait for that.
    if (keeper === undefined || peer.retired) throw notDialled(peer)
    const attempt = this.#attempt(peer.pin.name, keeper)
    if (signal === undefined) return await attempt
    return await raceSignal(attempt, signal).catch((err: unknown) => {
      throw signal.aborted ? unreachable(peer, 'no connection in time', { cause: err }) : err
    })
  }

  /** Starts a keeper for each peer with an address, and ends those of peers that changed or went. */
  #follow(): void {
    const peers = new Map(this.#components.pins.peers().map((peer) => [peer.pin.name, peer]))
    for (const [name, keeper] of this.#keepers) {
      const peer = peers.get(name)
      if (peer !== undefined && isWanted(peer) && targetOf(peer) === keeper.target) continue
      this.#keepers.delete(name)
      keeper.stop.abort()
    }
    for (const [name, peer] of peers) {
      if (isWanted(peer) && !this.#keepers.has(name)) this.#keep(name, targetOf(peer))
    }
  }

  #keep(name: string, target: string): void {
    const keeper: Keeper = {
      target,
      stop: new AbortController(),
      wait: new AbortController(),
      state: { failures: 0 },
      attempt: undefined,
      lastGood: undefined,
      lobbyFirst: false,
      done: Promise.resolve(),
    }
    this.#keepers.set(name, keeper)
    keeper.done = this.#run(name, keeper)
  }

  async #run(name: string, keeper: Keeper): Promise<void> {
    const { clock, random } = this.#components
    const { signal } = keeper.stop
    while (!signal.aborted) {
      const link = this.#linkTo(name) ?? (await this.#attempt(name, keeper).catch(() => undefined))
      if (link !== undefined) {
        await ended(link, signal)
        // Another one may have taken its place.
        if (this.#linkTo(name) !== undefined) continue
        if (clock.now() - link.openedAt >= STEADY_MS) {
          // Peers that lose each other at once, as when a network restarts, do not redial in step.
          await clock.sleep(Math.round(random() * SCATTER_MS), signal)
          continue
        }
        keeper.state = { failures: keeper.state.failures + 1, lastError: 'the link did not last' }
        // So ends the link of a node whose key is no longer in force, and which may not know that.
        keeper.lobbyFirst = true
      }
      const waitMs = backoffMs(keeper.state.failures, random())
      keeper.state.nextAt = clock.now() + waitMs
      keeper.wait = new AbortController()
      await clock.sleep(waitMs, AbortSignal.any([signal, keeper.wait.signal]))
    }
  }

  /** The link to whoever is pinned by this name now, if it is up. */
  #linkTo(name: string): Link | undefined {
    const { links, pins } = this.#components
    const id = pins.byName(name)?.id
    return id === undefined ? undefined : links.get(id)
  }

  /** One try of all addresses, shared by all who want it now. */
  #attempt(name: string, keeper: Keeper): Promise<Link> {
    keeper.attempt ??= this.#try(name, keeper).finally(() => {
      keeper.attempt = undefined
    })
    return keeper.attempt
  }

  async #try(name: string, keeper: Keeper): Promise<Link> {
    const peer = this.#components.pins.byName(name)
    if (peer === undefined)
      throw new KithError('unknown-peer', `no peer is named ${name}`, { name })
    const addresses = peer.pin.addresses.toSorted((a, b) =>
      a === keeper.lastGood ? -1 : b === keeper.lastGood ? 1 : 0,
    )
    const errors: Error[] = []
    let { otherKey } = keeper.state
    for (const address of addresses) {
      if (keeper.stop.signal.aborted) break
      try {
        const link = await this.#tryAddress(peer, address, keeper)
        keeper.state = { failures: 0 }
        keeper.lastGood = address
        keeper.lobbyFirst = false
        return link
      } catch (err) {
        // libp2p also rejects with the event that ended a connection.
        errors.push(toError(err))
        otherKey = otherKeyIn(err, peer) ?? otherKey
      }
    }
    const reason = errors.map(({ message }) => message).join('; ') || 'no address was tried'
    keeper.state = { failures: keeper.state.failures + 1, lastError: reason }
    if (otherKey !== undefined) keeper.state.otherKey = otherKey
    this.#components.log.debug({ peer: name, reason }, 'dial failed')
    throw unreachable(peer, reason, { cause: new AggregateError(errors) })
  }

  /** A peer whose key we do not know, or that may not know ours, is met in its lobby first. */
  async #tryAddress(peer: Peer, address: string, keeper: Keeper): Promise<Link> {
    const { knowsUs, mesh } = this.#components
    const { signal } = keeper.stop
    // To dial for a link in vain would use up the one visit a minute that a lobby lets us have.
    if (isKnown(peer) && !keeper.lobbyFirst && knowsUs(peer)) {
      try {
        return await mesh.dial(peer, address, signal)
      } catch (err) {
        // What a changed key causes, at either side; an address where nobody listens has no lobby either.
        if (!isFailure(err, 'connection-lost')) throw err
        keeper.lobbyFirst = true
      }
    }
    const met = await mesh.visitLobby(address, signal)
    if (met.pin.name === peer.pin.name) return await mesh.dial(met, address, signal)
    throw unreachable(peer, `${address} is the address of ${met.pin.name}`)
  }

  #keeperOf(id: string): Keeper | undefined {
    const peer = this.#components.pins.peers().find((candidate) => candidate.id === id)
    return peer === undefined ? undefined : this.#keepers.get(peer.pin.name)
  }
}

/**
 * False for a node that has unpinned us, and for one that has ended its key log for good. As long as its owner can take
 * it back from a thief who has ended it, we may be the only one of the two who knows where the other is.
 */
function isWanted({ mayReturn, pin, retired, unpinnedUsAt }: Peer): boolean {
  const gone = retired && mayReturn !== true
  return pin.addresses.length > 0 && !gone && unpinnedUsAt === undefined
}

/** The key that was proved at an address of this peer, where it is not the one that we know. */
function otherKeyIn(err: unknown, { key }: Peer): string | undefined {
  const proved = isFailure(err, 'unreachable') ? err.details.key : undefined
  return key === undefined || proved === key ? undefined : proved
}

function targetOf({ pin }: Peer): string {
  return pin.addresses.join(' ')
}

function notDialled(peer: Peer): KithError<'unreachable'> {
  const { name } = peer.pin
  const hint = `kith peers remove ${name}`
  if (peer.retired) return unreachable(peer, 'it has retired and does not come back', { hint })
  if (peer.unpinnedUsAt !== undefined) {
    return unreachable(peer, 'it has unpinned this node', { hint })
  }
  return unreachable(peer, 'it has no address here, and has not connected', {
    hint: `kith peers set-address ${name} /ip4/…/tcp/…`,
  })
}

function unreachable(
  peer: Peer,
  reason: string,
  options?: { cause?: unknown; hint?: string },
): KithError<'unreachable'> {
  const { name } = peer.pin
  return new KithError(
    'unreachable',
    `${name} is not reachable: ${reason}`,
    { peer: name, reason },
    options,
  )
}

/** Resolves when the link has ended, or the signal aborts. */
async function ended(link: Link, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const onEnd = (): void => {
    resolve(undefined)
  }
  if (signal.aborted) onEnd()
  signal.addEventListener('abort', onEnd, { once: true })
  void link.closed.then(onEnd)
  await promise
  signal.removeEventListener('abort', onEnd)
}
