import { toError } from '../../../protocol/errors.ts'
import type { Attempt, Breakers, Budget, EngineAsk, SpendLimit, Usage } from '../../ports.ts'
import type { Catalog, ServedModel } from './catalog.ts'
import { isProviderDown } from './fault.ts'
import type { ModelFault } from './fault.ts'
import { mostMicroUsd } from './prices.ts'
import type { ModelRequest } from './request.ts'
import { streamed } from './stream.ts'
import type { ModelReply, StreamOutcome, StreamTimes, TextEvent } from './stream.ts'

/** Time as the engine needs it. */
export interface EngineClock {
  /** In ms since the epoch. */
  now(): number
  /** Calls `run` once after `ms`, unless the returned function is called before. */
  after(ms: number, run: () => void): () => void
  /** Resolves after `ms`, or as soon as `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export interface CallComponents {
  catalog: Pick<Catalog, 'at' | 'scrub' | 'size'>
  budget: Budget
  breakers: Breakers
  clock: EngineClock
}

export type CallEnd =
  | { kind: 'reply'; reply: ModelReply }
  /** `spoke` is true when text went out before. */
  | { kind: 'fault'; fault: ModelFault; spoke: boolean }

/**
 * Tokens that a provider may add to a request: what begins and ends each message is less than the JSON around it,
 * and Anthropic's own words about tools are below 1,000.
 */
const PROVIDER_TOKENS = 1_024

/** A shorter answer, in tokens, is of no use: some 200 words. */
const MIN_OUTPUT_TOKENS = 256

/** Ends of a call by which a provider has not begun to work. */
const UNBILLED: ReadonlySet<string> = new Set([
  'rate-limited',
  'overloaded',
  'unreachable',
  'refused',
])

/**
 * Calls `model` once, within the budget and with its provider's breaker told: yields its text as it comes.
 *
 * @throws {KithError} `breaker-open`; `budget-exhausted`, also while it answers; `store-failed`
 * @throws the signal's reason
 */
export async function* callModel(
  components: CallComponents,
  model: ServedModel,
  ask: EngineAsk,
  request: ModelRequest,
  times: StreamTimes,
  signal: AbortSignal,
): AsyncGenerator<TextEvent, CallEnd> {
  const { breakers, budget, catalog, clock } = components
  const attempt = breakers.enter(`provider ${model.provider}`)
  let outcome: StreamOutcome | undefined
  try {
    const fitting = fitted(model, request, budget.left(ask))
    const most = mostOf(model, fitting)
    const reservation = await budget.reserve(ask, most)
    try {
      const { client } = model
      outcome = yield* streamed(
        {
          model: client,
          scrub: (text) => catalog.scrub(text),
          now: () => clock.now(),
          after: (ms, run) => clock.after(ms, run),
        },
        fitting,
        times,
        [signal, reservation.exhausted],
      )
    } finally {
      await reservation.settle(usedOf(model, most, outcome))
    }
    const { end, spoke } = outcome
    if (end.kind === 'reply') return end
    signal.throwIfAborted()
    if (end.kind === 'fault') return { ...end, spoke }
    throw toError(reservation.exhausted.reason)
  } finally {
    tell(attempt, outcome)
  }
}

/**
 * `request` with as long an answer as `left` pays for. Where that is no answer worth having, as it was: the budget
 * says then what is used up.
 */
function fitted(model: ServedModel, request: ModelRequest, left: SpendLimit): ModelRequest {
  const fits = (maxOutputTokens: number): boolean => {
    const most = mostOf(model, { ...request, maxOutputTokens })
    const tokens = most.inputTokens + most.outputTokens
    return (
      tokens <= (left.tokens ?? Infinity) && (most.microUsd ?? 0) <= (left.microUsd ?? Infinity)
    )
  }
  let [least, most] = [MIN_OUTPUT_TOKENS, request.maxOutputTokens]
  if (least >= most || fits(most) || !fits(least)) return request
  // Longer is dearer: half of what is between the two is ruled out each time.
  while (most - least > 1) {
    const middle = Math.floor((least + most) / 2)
    if (fits(middle)) least = middle
    else most = middle
  }
  return { ...request, maxOutputTokens: least }
}

/** The most that a request can use: a token is at least one byte, and the JSON has more than what is sent of it. */
function mostOf({ name, price }: ServedModel, request: ModelRequest): Usage {
  const { maxOutputTokens: outputTokens, messages, system, tools } = request
  const inputTokens =
    Buffer.byteLength(JSON.stringify({ system, messages, tools })) + PROVIDER_TOKENS
  return {
    model: name,
    inputTokens,
    outputTokens,
    microUsd: mostMicroUsd(price, { inputTokens, outputTokens }),
    estimated: true,
  }
}

/**
 * What a call has used: what the provider says; nothing, when it refused; else the most that it can have, by what was
 * sent and what came. Undefined stands for an answer that nobody wanted any longer.
 */
function usedOf(
  { name, price }: ServedModel,
  most: Usage,
  outcome: StreamOutcome | undefined,
): Usage {
  const { end, outputBytes, usage } = outcome ?? {
    end: { kind: 'aborted' },
    usage: undefined,
    outputBytes: most.outputTokens,
  }
  if (usage !== undefined) {
    const { inputTokens, outputTokens } = usage
    return { model: name, inputTokens, outputTokens, microUsd: price(usage), estimated: false }
  }
  if (end.kind === 'fault' && UNBILLED.has(end.fault.kind)) {
    return { model: name, inputTokens: 0, outputTokens: 0, microUsd: 0, estimated: false }
  }
  const tokens = {
    inputTokens: most.inputTokens,
    outputTokens: Math.min(most.outputTokens, outputBytes),
  }
  return { model: name, ...tokens, microUsd: mostMicroUsd(price, tokens), estimated: true }
}

function tell(attempt: Attempt, outcome: StreamOutcome | undefined): void {
  if (outcome?.end.kind === 'reply') attempt.succeeded()
  else if (outcome?.end.kind === 'fault' && isProviderDown(outcome.end.fault)) attempt.failed()
  else attempt.withdrawn()
}
