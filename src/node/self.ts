import { judgeKeyLog } from '../protocol/key-log-judge.ts'
import type { Verdict } from '../protocol/key-log-judge.ts'
import { validateKeyLog } from '../protocol/key-log.ts'
import type { KeyLogState } from '../protocol/key-log.ts'
import type { Identity } from './identity.ts'
import type { OwnKeyLog } from './key-trade.ts'

/** This node as it is now: an id for life, and the key and the log that a rotation changes. */
export class Self implements OwnKeyLog {
  readonly id: string
  readonly words: string[]
  readonly #aheadListeners = new Set<(log: readonly Uint8Array[]) => void>()
  #identity: Identity
  #state: KeyLogState

  constructor(identity: Identity) {
    this.id = identity.id
    this.words = identity.words
    this.#identity = identity
    this.#state = validateKeyLog(identity.log)
  }

  /** Peer id of the key in use. */
  get key(): string {
    return this.#identity.key
  }

  /** Ed25519 seed of the key in use. */
  get secret(): Uint8Array {
    return this.#identity.secret
  }

  get events(): Uint8Array[] {
    return this.#identity.log
  }

  get state(): KeyLogState {
    return this.#state
  }

  /** Goes on as the same node with another key and a longer log. */
  follow(identity: Identity): void {
    if (identity.id !== this.id) throw new TypeError('another node')
    this.#identity = identity
    this.#state = validateKeyLog(identity.log)
  }

  /** Calls `listener` with each valid log of this node that goes on after the one it has, or contradicts it. */
  onAhead(listener: (log: readonly Uint8Array[]) => void): () => void {
    this.#aheadListeners.add(listener)
    return () => {
      this.#aheadListeners.delete(listener)
    }
  }

  observe(log: readonly Uint8Array[]): void {
    const kind = this.#judge(log)
    if (kind === undefined || kind === 'same' || kind === 'older') return
    for (const listener of this.#aheadListeners) listener(log)
  }

  /** What this log would mean beside ours; undefined when it is no valid one of this node. */
  #judge(log: readonly Uint8Array[]): Verdict['kind'] | undefined {
    try {
      // At the time that it was seen: no recovery is too late to be told of.
      return judgeKeyLog({ events: this.events, seenAt: this.events.map(() => 0) }, log, 0).kind
    } catch {
      return undefined
    }
  }
}
