import type { Agent } from '../../agent/agent.ts'
import type { EngineAsk } from '../../agent/ports.ts'
import { EMPTY_ANSWER, answerExcess, grown } from '../../protocol/ask.ts'
import type { AskCall, AskFinal } from '../../protocol/verbs.ts'
import type { AskRecord, AskStore } from './ask-store.ts'
import type { Feed } from './feed.ts'
import type { AskerInfo } from './handle.ts'

/** An ask that is claimed. */
export interface ClaimedAsk {
  record: AskRecord
  call: AskCall
  asker: AskerInfo
  feed: Feed
  stop: AbortController
}

/**
 * Lets the agent answer a claimed ask: each event is numbered and stored before anybody sees it. Returns the final,
 * which is not stored yet.
 */
export async function runEngine(
  { agent, store }: { agent: Pick<Agent, 'run' | 'name'>; store: Pick<AskStore, 'addEvent'> },
  ask: ClaimedAsk,
): Promise<AskFinal> {
  const { feed, stop } = ask
  let size = EMPTY_ANSWER
  for await (const event of agent.run(engineAskOf(ask), stop.signal)) {
    switch (event.kind) {
      case 'text':
      case 'progress': {
        size = grown(size, event)
        const excess = answerExcess(size)
        if (excess !== undefined) return failed('too-large', excess)
        if (ask.record.state === 'claimed') ask.record = { ...ask.record, state: 'running' }
        const numbered = { seq: feed.lastSeq + 1, body: event }
        await store.addEvent(ask.record, numbered)
        feed.push(numbered)
        break
      }
      case 'done': {
        const end = { ask: ask.record.ask, engine: agent.name, lastSeq: feed.lastSeq }
        return { outcome: 'done', end }
      }
      case 'failed':
        return failed(event.code, { ...event.details })
    }
  }
  throw new TypeError('the agent ended without a final event')
}

/** A final that says why there is no answer. */
export function failed(code: string, details: { [key: string]: string | number } = {}): AskFinal {
  return { outcome: 'failed', code, details }
}

function engineAskOf({ asker, call, record }: ClaimedAsk): EngineAsk {
  return {
    id: record.ask,
    asker: { name: asker.name, id: asker.id },
    text: call.text,
    preset: asker.grant.preset,
    approve: asker.grant.approve,
    deadlineAt: record.deadlineAt,
    ...(call.session === undefined ? {} : { session: call.session }),
  }
}
