import { z } from 'zod'
import { isByRecoveryKey } from '../protocol/key-log-chain.ts'
import { judgeKeyLog, settleKeyLog } from '../protocol/key-log-judge.ts'
import type { HeldKeyLog, Verdict } from '../protocol/key-log-judge.ts'
import { readSignedEvent } from '../protocol/key-event.ts'
import { replayKeyLog, stateAtEnd } from '../protocol/key-log.ts'
import type { KeyLogState } from '../protocol/key-log.ts'
import { nodeIdOf } from '../protocol/node-id.ts'
import { peerIdOf } from '../protocol/peer-id.ts'
import { bytes } from '../protocol/verbs.ts'
import type { Database } from '../store/database.ts'
import { Repository } from '../store/repository.ts'
import type { Clock } from './clock.ts'

const HOUR_MS = 3_600_000

/** What is known of another node's keys. */
export interface KnownKeys {
  held: HeldKeyLog
  state: KeyLogState
  /** Peer id of the key in force; none when the node has retired. */
  key: string | undefined
  /** Two valid events stand against each other. */
  frozen: boolean
  /** Until when a recovery can undo the end of the log, by this node's clock; none where nothing undoes it. */
  endUndoableUntil: number | undefined
  /** The key before the last rotation, which may still fetch and announce for a while. */
  superseded: { key: string; until: number } | undefined
}

/** What a log that was shown has changed. */
export interface KeyLogChange {
  kind: Verdict['kind']
  before: KnownKeys | undefined
  after: KnownKeys
}

export const keyLogRecord = z.strictObject({
  events: z.array(bytes),
  seenAt: z.array(z.int()),
  conflict: z.exactOptional(z.array(bytes)),
  confirmed: z.exactOptional(z.int()),
})

export interface KeyLogsComponents {
  database: Database
  clock: Clock
}

/** The key logs of other nodes, as they were shown: judged, stored, and never taken back. */
export class KeyLogs {
  readonly #database: Database
  readonly #clock: Clock
  readonly #rows: Repository<z.infer<typeof keyLogRecord>>
  readonly #known = new Map<string, KnownKeys>()
  readonly #listeners = new Set<(change?: KeyLogChange) => void>()
  /** The last write of each log: nobody is told that it is held before it is on disk. */
  readonly #writes = new Map<string, Promise<void>>()

  constructor(components: KeyLogsComponents) {
    this.#database = components.database
    this.#clock = components.clock
    this.#rows = new Repository(components.database, 'key-logs', keyLogRecord)
  }

  async start(): Promise<void> {
    for await (const held of this.#rows.values()) {
      // Its signatures were checked when it was taken.
      const state = stateAtEnd(replayKeyLog(held.events))
      this.#known.set(state.id, knownKeys(held, state))
    }
  }

  /**
   * Calls `listener` as soon as what is held has changed, until the returned function is called: by a log that was shown,
   * or by a person. What it writes before it returns is on disk together with that, or not at all.
   */
  onKeep(listener: (change?: KeyLogChange) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** What is held of the node with this id. */
  get(id: string): KnownKeys | undefined {
    return this.#known.get(id)
  }

  /**
   * Judges a log that was shown, and resolves when what it has changed is on disk.
   *
   * @throws {KithError} `malformed`, and nothing has changed
   */
  async take(shown: readonly Uint8Array[]): Promise<KeyLogChange> {
    const id = idOfKeyLog(shown)
    const before = this.#known.get(id)
    const { kind, held, state } = judgeKeyLog(before?.held, shown, this.#clock.now())
    if (held !== before?.held) {
      const change = { kind, before, after: knownKeys(held, state) }
      await this.#keep(change.after, change)
      return change
    }
    await this.#writes.get(id)
    return { kind, before, after: before }
  }

  /**
   * Keeps the branch that ends in the event with this hash, and forgets the other, since a person says so. Resolves when
   * that is on disk; to false when nothing stands against what is held, or neither branch ends there.
   */
  async settle(id: string, head: Uint8Array): Promise<boolean> {
    const before = this.#known.get(id)
    const held =
      before === undefined ? undefined : settleKeyLog(before.held, head, this.#clock.now())
    if (held === undefined) return false
    await this.#keep(knownKeys(held, stateAtEnd(replayKeyLog(held.events))))
    return true
  }

  /** Nothing is awaited before what is known has changed: two logs that are shown at once are judged in turn. */
  async #keep(known: KnownKeys, change?: KeyLogChange): Promise<void> {
    const { id } = known.state
    this.#known.set(id, known)
    // Before the disk has it: a key that was stolen is out at once, whatever becomes of the write.
    for (const listener of this.#listeners) listener(change)
    const write = this.#database.write([this.#rows.put(id, known.held)], { durable: true })
    this.#writes.set(id, write)
    await write
  }
}

/**
 * The id of the node that a log would be of, if it is valid; none for a log without an event.
 *
 * @throws {KithError} `malformed`
 */
export function idOfKeyLog(shown: readonly Uint8Array[]): string {
  const [first] = shown
  return first === undefined ? '' : nodeIdOf(readSignedEvent(first).bytes)
}

/** Peer id of the key that a log has in force, if its signatures are valid. @throws {KithError} `malformed` */
export function keyInForce(shown: readonly Uint8Array[]): string | undefined {
  const { keyInForce: key } = stateAtEnd(replayKeyLog(shown))
  return key === undefined ? undefined : peerIdOf(key)
}

/**
 * True when two valid logs end in the same event: it has the hash of the one before. Compared without signatures, since
 * whoever holds a key can sign one event in many valid ways.
 */
export function isSameLog(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  const [lastOfA, lastOfB] = [a.at(-1), b.at(-1)]
  if (lastOfA === undefined || lastOfB === undefined) return false
  return Buffer.compare(readSignedEvent(lastOfA).bytes, readSignedEvent(lastOfB).bytes) === 0
}

function knownKeys(held: HeldKeyLog, state: KeyLogState): KnownKeys {
  return {
    held,
    state,
    key: state.keyInForce === undefined ? undefined : peerIdOf(state.keyInForce),
    frozen: held.conflict !== undefined,
    endUndoableUntil: endUndoableUntil(held, state),
    superseded: supersededKey(held, state),
  }
}

/** None for a node that goes on; and for an end that the recovery key has signed, which it cannot contradict. */
function endUndoableUntil({ events, seenAt }: HeldKeyLog, state: KeyLogState): number | undefined {
  const [last, lastSeenAt = 0] = [events.at(-1), seenAt.at(-1)]
  if (state.keyInForce !== undefined || last === undefined) return undefined
  // As before it: an end changes no commitment.
  if (isByRecoveryKey(readSignedEvent(last).event, state)) return undefined
  return lastSeenAt + state.windowHours * HOUR_MS
}

/** None without grace: what a clock says that was set back must not bring a stolen key in again. */
function supersededKey(
  { seenAt }: HeldKeyLog,
  { rotated, sn }: KeyLogState,
): KnownKeys['superseded'] {
  if (rotated === undefined || rotated.graceSeconds === 0) return undefined
  const until = (seenAt[sn] ?? 0) + rotated.graceSeconds * 1_000
  return { key: peerIdOf(rotated.before), until }
}
