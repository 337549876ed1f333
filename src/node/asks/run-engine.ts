import type { Agent } from '../../agent/agent.ts'
import { OWNER_NAME } from '../../agent/ports.ts'
import type { EngineAsk, Parked } from '../../agent/ports.ts'
import { answerExcess, grown } from '../../protocol/ask.ts'
import type { AskEventBody, AskFinal } from '../../protocol/verbs.ts'
import type { ActiveAsk } from './active-ask.ts'
import type { AskRecord, AskStore } from './ask-store.ts'
import { bytesOfEvent } from './daily-bytes.ts'
import type { DailyBytes } from './daily-bytes.ts'

export interface RunEngineComponents {
  agent: Pick<Agent, 'run' | 'name'>
  store: Pick<AskStore, 'addEvent' | 'advance'>
  bytes: Pick<DailyBytes, 'excess' | 'add'>
  /** With what an ask that waits for a person can go on in another process. */
  parked: (record: AskRecord) => Promise<Parked | undefined>
}

/** An ask that has its turn. */
export type ClaimedAsk = Pick<
  ActiveAsk,
  'record' | 'call' | 'asker' | 'feed' | 'stop' | 'parked' | 'left'
>

/**
 * Lets the agent answer a claimed ask: each event is numbered and stored before anybody sees it. Returns the final,
 * which is not stored yet; undefined for an ask that the stop of the node leaves as it is, to go on after it.
 *
 * `onWait` is told when it begins to wait for a person, and when it no longer does.
 */
export async function runEngine(
  { agent, bytes, parked, store }: RunEngineComponents,
  ask: ClaimedAsk,
  onWait: (waits: boolean) => void,
): Promise<AskFinal | undefined> {
  const { feed, stop } = ask
  /** Stores a piece of the answer, or returns the final of one that gets too long by it, or takes too much room. */
  const take = async (body: AskEventBody): Promise<AskFinal | undefined> => {
    const excess = answerExcess(grown(feed.size, body))
    if (excess !== undefined) return failed('too-large', excess)
    const more = bytesOfEvent(body)
    const full = bytes.excess(ask.asker, more)
    if (full !== undefined) return failed('budget-exhausted', { ...full })
    bytes.add(ask.asker, more)
    if (ask.record.state === 'claimed') ask.record = { ...ask.record, state: 'running' }
    const numbered = { seq: feed.lastSeq + 1, body }
    await store.addEvent(ask.record, numbered)
    feed.push(numbered)
    return undefined
  }
  /** What the next event is asked for after is on disk by then: neither a person nor a tool is ahead of it. */
  const wait = async (waits: boolean): Promise<void> => {
    const next = waits ? 'waiting-approval' : 'running'
    // Known before the ask is seen to wait: a stop in between would take it for one that cannot go on.
    const since = waits ? await parked(ask.record) : undefined
    if (ask.record.state !== next) ask.record = await store.advance(ask.record, next)
    ask.parked = since
    onWait(waits)
  }
  for await (const event of agent.run(engineAskOf(ask), stop.signal)) {
    if (ask.left) return undefined
    // After a restart, what it waited for may not be open to it any more. It goes on without, and not once more.
    const waits = ask.record.state === 'waiting-approval'
    if (waits && event.kind !== 'approval' && event.kind !== 'failed') await wait(false)
    switch (event.kind) {
      case 'done': {
        const end = { ask: ask.record.ask, engine: agent.name, lastSeq: feed.lastSeq }
        return { outcome: 'done', end }
      }
      case 'failed':
        return failed(event.code, { ...event.details })
      default: {
        const end = await take(event)
        if (end !== undefined) return end
        if (event.kind === 'approval') await wait(event.state === 'waiting')
      }
    }
  }
  throw new TypeError('the agent ended without a final event')
}

/** A final that says why there is no answer. */
export function failed(code: string, details: { [key: string]: string | number } = {}): AskFinal {
  return { outcome: 'failed', code, details }
}

function engineAskOf(ask: ClaimedAsk): EngineAsk {
  const { asker, call, parked, record } = ask
  return {
    id: record.ask,
    asker: { name: asker.name, id: asker.id },
    text: call.text,
    // As the grant is when somebody looks: an ask that runs, or waits for a person, keeps no more than its asker has.
    get presets() {
      return [ask.asker.grant.preset, ...(call.preset === undefined ? [] : [call.preset])]
    },
    get approve() {
      return ask.asker.grant.approve
    },
    deadlineAt: record.deadlineAt,
    // The owner asks here, so that no node stands before this one.
    chain: asker.name === OWNER_NAME ? [] : call.chain,
    ...(call.session === undefined ? {} : { session: call.session }),
    ...(call.budget === undefined ? {} : { budget: call.budget }),
    ...(record.job === undefined ? {} : { job: record.job }),
    ...(parked === undefined ? {} : { resume: parked }),
  }
}
