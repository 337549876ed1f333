import type { Logger } from 'pino'
import { z } from 'zod'
import { KithError } from '../protocol/errors.ts'
import { bytes } from '../protocol/verbs.ts'
import type { LobbyMessage, LobbyTalk, LobbyWire } from './lobby-talk.ts'
import type { KnownPeer, Pins } from './pins.ts'

/** What both sides say: this is a key log. */
const showMessage = z.strictObject({
  t: z.literal('show'),
  log: z.array(bytes).min(1),
})

/** This node's own key log. */
export interface OwnKeyLog {
  id: string
  /** Signed events, the first one first. */
  readonly events: Uint8Array[]
  /** Takes note of a log of this very node that a peer holds. */
  observe(log: readonly Uint8Array[]): void
}

export interface KeyTradeComponents {
  pins: Pick<Pins, 'learn' | 'byKey' | 'meet'>
  own: OwnKeyLog
  log: Logger
}

/** Shows key logs in the lobby, so that two nodes that pinned each other find together whatever keys they have now. */
export class KeyTrade {
  readonly #components: KeyTradeComponents

  constructor(components: KeyTradeComponents) {
    this.#components = components
  }

  /** The visitor shows its log; who is pinned sees ours, or what we hold of it, where that is another than it showed. */
  readonly serve: LobbyTalk = async (first, wire, { key }) => {
    const { log: logger, own, pins } = this.#components
    const shown = readShow(first)
    const inside = pins.byKey(key) !== undefined
    const { instead, peer } = await pins.meet(shown, key)
    if (instead !== undefined) {
      await wire.write(show(instead))
      return
    }
    // Also a peer that is in may ask for our log this way: it does not know our key yet, or no longer. Asked after the
    // wait for the disk: who was unpinned meanwhile is a stranger.
    if (pins.byKey(key) === undefined) return
    await wire.write(show(own.events))
    if (peer !== undefined && !inside) {
      logger.info({ peer: peer.pin.name }, 'peer showed its key log')
    }
  }

  /**
   * Shows our log to the node with this key, and takes the one that it shows in return.
   *
   * @throws {KithError} `malformed` when it is no pinned node's
   */
  async visit(wire: LobbyWire, key: string): Promise<KnownPeer> {
    const { own, pins } = this.#components
    await wire.write(show(own.events))
    const shown = readShow(await wire.read())
    own.observe(shown)
    const peer = await pins.learn(shown, key)
    if (peer !== undefined) return peer
    throw new KithError('malformed', 'the key log shown there is of no pinned node', {
      what: 'key log',
    })
  }
}

/** The key log in what was shown. @throws {ZodError} */
export function readShow(message: LobbyMessage): Uint8Array[] {
  return showMessage.parse(message).log
}

function show(log: readonly Uint8Array[]): LobbyMessage {
  return { t: 'show', log: [...log] }
}
