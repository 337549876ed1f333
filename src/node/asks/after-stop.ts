import type { Logger } from 'pino'
import { afterCrash } from '../../protocol/ask.ts'
import type { AskCall } from '../../protocol/verbs.ts'
import type { Clock } from '../clock.ts'
import type { ActiveAsk } from './active-ask.ts'
import type { AskRecord, AskStore } from './ask-store.ts'
import { Feed } from './feed.ts'
import type { AskerInfo, AskerStanding } from './handle.ts'
import { failed } from './run-engine.ts'
import type { RunEngineComponents } from './run-engine.ts'

export interface AfterStopComponents extends Pick<RunEngineComponents, 'parked'> {
  store: AskStore
  standing: (asker: string) => AskerStanding | undefined
  clock: Clock
  log: Logger
}

/** An ask that goes on after a stop: one that is parked from where it was, any other from its place in the queue. */
export interface UnfinishedAsk extends Pick<ActiveAsk, 'feed' | 'parked'> {
  record: AskRecord
  call: AskCall
  asker: AskerInfo
}

const CODE_OF_END = {
  interrupt: 'interrupted',
  expire: 'deadline',
  // Whoever asked is no longer pinned.
  queue: 'cancelled',
  resume: 'cancelled',
} as const

/**
 * What the last stop or crash left to go on with. What was claimed is answered `interrupted`; what waited waits
 * again, for its turn or for a person, unless its time is over or its asker is no longer pinned.
 */
export async function* askedBefore(
  components: AfterStopComponents,
): AsyncGenerator<UnfinishedAsk, void> {
  const { clock, log, standing, store } = components
  for (const record of await store.unfinished()) {
    if (record.direction !== 'in') continue
    const parked = await components.parked(record)
    const expired = clock.now() >= record.deadlineAt
    const next = afterCrash(record.state, { expired, parked: parked !== undefined })
    const asker = standing(record.peer)?.asker
    const call = await store.call(record)
    if (asker !== undefined && call !== undefined && (next === 'queue' || next === 'resume')) {
      const feed = new Feed(await Array.fromAsync(store.events(record)))
      yield { record, call, asker, feed, parked: next === 'resume' ? parked : undefined }
      continue
    }
    const code = CODE_OF_END[next]
    await store.finish(record, failed(code))
    log.warn({ ask: record.ask, peer: record.peer, code }, 'ask ended by the last stop')
  }
}
