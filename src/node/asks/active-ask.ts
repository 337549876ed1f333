import type { Parked } from '../../agent/ports.ts'
import { KithError } from '../../protocol/errors.ts'
import type { AskCall } from '../../protocol/verbs.ts'
import type { AskRecord } from './ask-store.ts'
import type { Feed } from './feed.ts'
import type { AskerInfo } from './handle.ts'
import type { Turn } from './turns.ts'

/** Why an ask is ended from outside its engine. */
export type EndReason = KithError<'cancelled'> | KithError<'deadline'> | KithError<'denied'>

/** An ask without a final. */
export interface ActiveAsk extends Turn {
  record: AskRecord
  call: AskCall
  asker: AskerInfo
  feed: Feed
  stop: AbortController
  /** With what it can go on after a stop, while it waits for a person. */
  parked: Parked | undefined
  /** The node stops while it is parked: it has no end here. */
  left: boolean
  cancelTimer: () => void
  /** Resolves once the final is on disk; while it waits for its turn there is nothing to wait for. */
  run: Promise<void> | undefined
}

/** Why an ask ends that the node leaves. */
export function interrupted(): KithError<'interrupted'> {
  return new KithError('interrupted', 'the node stops', {})
}

/** The turn that an ask of this asker takes. */
export function turnOf({ id, grant }: AskerInfo): Turn {
  return { owner: id, parallel: grant.parallel, queue: grant.queue }
}

/** Asks of a peer are that peer's only: another may have one with the same id. */
export function keyOf(asker: string, ask: string): string {
  return `${asker}!${ask}`
}
