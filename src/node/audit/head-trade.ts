import type { Logger } from 'pino'
import { readAuditHead } from '../../protocol/audit-head.ts'
import type { AuditHead } from '../../protocol/audit-head.ts'
import { auditHeadEnd, parseBody } from '../../protocol/verbs.ts'
import type { Clock } from '../clock.ts'
import type { Link } from '../link.ts'
import type { Links } from '../links.ts'
import type { Peer, Pins } from '../pins.ts'
import type { HeldHeads } from './held-heads.ts'

/** Peers are asked when a link to them comes up, and so often while it stays. */
const ASK_MS = 86_400_000

/** Longest time for one answer. */
const DEADLINE_MS = 10_000

export interface HeadTradeComponents {
  clock: Clock
  held: Pick<HeldHeads, 'kept' | 'prune' | 'take'>
  links: Pick<Links, 'get' | 'onOpen'>
  log: Logger
  pins: Pick<Pins, 'byId' | 'keysOf' | 'peers'>
}

/** Asks the peers that may have the heads of our audit log for theirs: it takes two to hold each other's. */
export class HeadTrade {
  readonly #components: HeadTradeComponents
  /** Peers that are being asked, by id; what is being forgotten has none. */
  readonly #asking = new Map<string, Promise<void>>()
  #stops: (() => void)[] = []

  constructor(components: HeadTradeComponents) {
    this.#components = components
  }

  start(): void {
    const { clock, links, pins } = this.#components
    this.#stops = [
      links.onOpen((link) => {
        this.#ask(link)
      }),
      clock.every(ASK_MS, () => {
        this.#prune()
        for (const { id } of pins.peers()) {
          const link = id === undefined ? undefined : links.get(id)
          if (link !== undefined) this.#ask(link)
        }
      }),
    ]
  }

  /** Resolves once nothing of an answer is still being written. */
  async stop(): Promise<void> {
    for (const stop of this.#stops) stop()
    await Promise.all(this.#asking.values())
  }

  #prune(): void {
    const { held, log, pins } = this.#components
    const pinned = new Set(pins.peers().flatMap(({ id }) => id ?? []))
    const pruned = held
      .prune(pinned)
      .then(() => undefined)
      .catch((err: unknown) => {
        log.warn({ err }, 'old heads of audit logs could not be forgotten')
      })
      .finally(() => this.#asking.delete(''))
    this.#asking.set('', pruned)
  }

  /** Never rejects: a peer that does not grant it, or is older, has no head for us. */
  #ask(link: Link): void {
    const { log, pins } = this.#components
    const { id } = link.peer
    const peer = pins.byId(id)
    if (peer === undefined || !mayTrade(peer) || this.#asking.has(id)) return
    const asked = this.#trade(link, peer)
      .catch((err: unknown) => {
        log.debug({ peer: peer.pin.name, err }, 'no head of its audit log came from a peer')
      })
      .finally(() => this.#asking.delete(id))
    this.#asking.set(id, asked)
  }

  async #trade(link: Link, peer: Peer): Promise<void> {
    const { held, pins } = this.#components
    const { id } = link.peer
    const at = (await held.kept(id)).map(({ seq }) => seq)
    const end = await link.call('audit.head', { at: [...new Set(at)] }, { deadlineMs: DEADLINE_MS })
    const key = pins.keysOf(id)?.state.keyInForce
    if (key === undefined) return
    await held.take({ id, name: peer.pin.name }, parseBody(auditHeadEnd, end), (signed) =>
      headUnder(key, signed),
    )
  }
}

/** True for a peer with which heads are exchanged. */
export function mayTrade({ pin, retired }: Pick<Peer, 'pin' | 'retired'>): boolean {
  return pin.allow.includes('audit') && !retired
}

function headUnder(key: Uint8Array, signed: Uint8Array): AuditHead | undefined {
  try {
    return readAuditHead(signed, key)
  } catch {
    return undefined
  }
}
