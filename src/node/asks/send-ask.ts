import type { Logger } from 'pino'
import { isFailure } from '../../protocol/errors.ts'
import { askEnd, askSummary } from '../../protocol/verbs.ts'
import type { AskFinal } from '../../protocol/verbs.ts'
import type { Breakers } from '../agent/breakers.ts'
import type { Caller } from '../caller.ts'
import type { Peer, Pins } from '../pins.ts'
import type { AskStore } from './ask-store.ts'
import { takeEvent } from './out-ask.ts'
import type { OutAsk } from './out-ask.ts'
import { PeerAttempt } from './peer-attempt.ts'
import { failed } from './run-engine.ts'
import { verdictOf } from './verdict.ts'

/** Time for a short call about an ask: cancel and the like. */
const CONTROL_TIMEOUT_MS = 10_000

export interface SendAskComponents {
  store: Pick<AskStore, 'addEvent'>
  caller: Pick<Caller, 'call'>
  breakers: Pick<Breakers, 'enter'>
  pins: Pick<Pins, 'byId'>
  log: Logger
}

/**
 * One try to have `ask` answered, at most `leftMs` long: its final, or undefined to try again. What of the answer
 * came is on disk then. The breaker of the peer does not hold the end of what was cancelled.
 */
export async function sendAsk(
  components: SendAskComponents,
  ask: OutAsk,
  peer: Peer,
  leftMs: number,
): Promise<AskFinal | undefined> {
  const cancelled = ask.record.cancelled === true
  try {
    if (cancelled) await sendCancel(components, ask)
    return await tryOnce(components, ask, peer, leftMs)
  } catch (err) {
    await ask.written
    if (ask.stop.signal.aborted) return undefined
    if (isFailure(err, 'too-large')) {
      // A peer that has no end is not read to its end: it is told, and the ask is over here.
      await sendCancel(components, ask)
      return failed(err.code, { ...err.details })
    }
    return verdictOf(err, { ...ask, cancelled })
  }
}

/** Tells the peer to end an ask, and waits until it has heard that or cannot be reached. */
export async function sendCancel(
  { caller, log, pins }: Pick<SendAskComponents, 'caller' | 'log' | 'pins'>,
  ask: OutAsk,
): Promise<void> {
  const peer = pins.byId(ask.record.peer)
  if (peer === undefined) return
  const options = { deadlineMs: CONTROL_TIMEOUT_MS, signal: ask.stop.signal }
  await caller
    .call(peer, 'ask.cancel', { ask: ask.record.ask }, askSummary, options)
    // The ask's own end tells how it went; without a link, the next try cancels first.
    .catch((err: unknown) => {
      log.debug({ ask: ask.record.ask, err }, 'cancel not delivered')
    })
}

async function tryOnce(
  { breakers, caller, store }: SendAskComponents,
  ask: OutAsk,
  peer: Peer,
  leftMs: number,
): Promise<AskFinal | undefined> {
  const cancelled = ask.record.cancelled === true
  const attempt = cancelled ? undefined : PeerAttempt.enter(breakers, peer.pin.name)
  const attach = { ask: ask.record.ask, after: ask.feed.lastSeq }
  // What was cancelled is not sent once more: it would begin now if it never got there.
  const again = ask.accepted || cancelled
  const [verb, body] = again ? (['ask.attach', attach] as const) : (['ask', ask.call] as const)
  try {
    const end = await caller.call(peer, verb, body, askEnd, {
      deadlineMs: leftMs,
      signal: ask.stop.signal,
      onSent: () => {
        ask.sent = true
        ask.tries++
      },
      onEvent: (seq, event) => {
        attempt?.heard()
        takeEvent(store, ask, seq, event)
      },
    })
    attempt?.ended()
    await ask.written
    // With a piece missing, the rest is fetched by number. The end of another ask is none of this one.
    const whole = end.ask === ask.record.ask && end.lastSeq === ask.feed.lastSeq
    return whole ? { outcome: 'done', end } : undefined
  } catch (err) {
    attempt?.failed(err, ask.stop.signal)
    throw err
  }
}
