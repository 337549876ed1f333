import { isFailure } from '../../../protocol/errors.ts'
import { failed } from '../../failure.ts'
import type { EngineAsk, EngineFailure } from '../../ports.ts'
import { callModel } from './call.ts'
import type { CallComponents, CallEnd } from './call.ts'
import { isPassing } from './fault.ts'
import type { ModelFault } from './fault.ts'
import { retryWaitMs } from './retry.ts'
import type { ModelRequest } from './request.ts'
import type { ModelReply, StreamTimes, TextEvent } from './stream.ts'

/** A call of a model that came to nothing, and what is done about it, for the log. */
export interface FaultReport {
  /** Id of the ask. */
  ask: string
  /** `provider/model`. */
  model: string
  kind: ModelFault['kind'] | 'breaker-open'
  /** In one line, without our keys. */
  message: string
  /** Of the HTTP response. */
  status?: number
  next: 'same model' | 'next model' | 'none'
  /** Wait before the same model is called again. */
  waitMs?: number
  /** What the asker is told to find this by. */
  incident?: string
}

export interface AnswerComponents extends CallComponents {
  /** In [0, 1). */
  random: () => number
  incidentId: () => string
  onFault: (report: FaultReport) => void
}

export interface AnswerTimes extends StreamTimes {
  /** Longest wait for a provider that says when to come again, in ms. */
  maxWaitMs: number
}

/** `place` is that of the model which answered. */
export type Answer = { kind: 'reply'; reply: ModelReply; place: number } | EngineFailure

/**
 * Lets the model at `place` answer, again where that may help, and then each one after it. Once text went out there
 * is no second call: the asker has read the beginning of an answer that no other model would go on with.
 *
 * @throws {KithError} `budget-exhausted`, `store-failed`
 * @throws the signal's reason
 */
export async function* answered(
  components: AnswerComponents,
  ask: EngineAsk,
  request: ModelRequest,
  from: number,
  times: AnswerTimes,
  signal: AbortSignal,
): AsyncGenerator<TextEvent, Answer> {
  const { catalog, clock, onFault, random } = components
  for (let place = from, tries = 1; ;) {
    const model = await catalog.at(place)
    const call = callModel(components, model, ask, request, times, signal)
    const end = yield* unlessOpen(call)
    if (end.kind === 'reply') return { ...end, place }
    const waitMs = mayRepeat(end)
      ? retryWaitMs({
          tries,
          retryAfterMs: end.fault.retryAfterMs,
          now: clock.now(),
          deadlineAt: ask.deadlineAt,
          maxWaitMs: times.maxWaitMs,
          random: random(),
        })
      : undefined
    const next = waitMs !== undefined ? 'same model' : hasNext(end, place, catalog.size)
    const failure =
      next === 'none' ? failureOfEnd(end, model.name, components.incidentId) : undefined
    onFault({
      ask: ask.id,
      model: model.name,
      ...toldOf(end),
      next,
      ...(waitMs === undefined ? {} : { waitMs }),
      ...(failure?.code === 'internal' ? { incident: failure.details.incident } : {}),
    })
    if (failure !== undefined) return failure
    if (waitMs === undefined) {
      place++
      tries = 1
    } else {
      await clock.sleep(waitMs, signal)
      signal.throwIfAborted()
      tries++
    }
  }
}

/** The bad ends of a call: a fault, or a breaker that let it not be made. */
type BadEnd =
  Extract<CallEnd, { kind: 'fault' }> | { kind: 'open'; failure: EngineFailure<'breaker-open'> }

async function* unlessOpen(
  call: AsyncGenerator<TextEvent, CallEnd>,
): AsyncGenerator<TextEvent, CallEnd | BadEnd> {
  try {
    return yield* call
  } catch (err) {
    if (!isFailure(err, 'breaker-open')) throw err
    return { kind: 'open', failure: failed('breaker-open', err.details, err.message) }
  }
}

function mayRepeat(end: BadEnd): end is Extract<CallEnd, { kind: 'fault' }> {
  return end.kind === 'fault' && !end.spoke && isPassing(end.fault)
}

function hasNext(end: BadEnd, place: number, size: number): 'next model' | 'none' {
  const spoke = end.kind === 'fault' && end.spoke
  return !spoke && place + 1 < size ? 'next model' : 'none'
}

function toldOf(end: BadEnd): Pick<FaultReport, 'kind' | 'message' | 'status'> {
  if (end.kind === 'open') return { kind: 'breaker-open', message: end.failure.message }
  const { kind, message, status } = end.fault
  return { kind, message, ...(status === undefined ? {} : { status }) }
}

/** What the asker is told: that it may come later, where the provider says so; else that something broke here. */
function failureOfEnd(end: BadEnd, model: string, incidentId: () => string): EngineFailure {
  if (end.kind === 'open') return end.failure
  const message = `${model}: ${end.fault.message}`
  if (end.fault.kind === 'rate-limited' || end.fault.kind === 'overloaded') {
    return failed('busy', { position: 0 }, message)
  }
  return failed('internal', { incident: incidentId() }, message)
}
