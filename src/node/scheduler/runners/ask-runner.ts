import { KithError, isFailure, isWireCode } from '../../../protocol/errors.ts'
import type { FailureDetails, WireCode } from '../../../protocol/errors.ts'
import { ASK_RETENTION_MS } from '../../../protocol/limits.ts'
import { uuidTime } from '../../../protocol/uuid.ts'
import type { AskCall, AskFinal } from '../../../protocol/verbs.ts'
import type { AskDesk } from '../../asks/ask-desk.ts'
import type { AskHandle } from '../../asks/handle.ts'
import type { Clock } from '../../clock.ts'
import type { Job, Target } from '../job.ts'
import type { RunContext } from '../runner.ts'

/** How much of the end of an answer is looked at for its last line, in UTF-16 units. */
const MAX_TAIL_CHARS = 16_384

export interface AskRunnerComponents {
  desk: Pick<AskDesk, 'ask' | 'cancel' | 'find'>
  clock: Clock
}

/**
 * Asks this node, or a pinned peer, by the way that the owner's own asks go. The first ask of a run has the run's id,
 * so that one is found by the other; another attempt joins it if it still has no answer, as after a crash.
 */
export class AskRunner {
  readonly #components: AskRunnerComponents

  constructor(components: AskRunnerComponents) {
    this.#components = components
  }

  /** @throws {KithError} with the code of an answer that failed, or as `AskDesk.ask` */
  async run(
    job: Job,
    target: Extract<Target, { kind: 'ask' }>,
    context: RunContext,
    signal: AbortSignal,
  ): Promise<string> {
    const handle = (await this.#unanswered(context)) ?? (await this.#ask(target, job, context))
    context.progress()
    try {
      return await readAnswer(handle, context.progress, signal)
    } catch (err) {
      // A node that stops takes its asks up again: they are not to end for that.
      if (signal.aborted && !isFailure(signal.reason, 'stopping')) {
        await this.#components.desk.cancel(handle.record.ask)
      }
      throw err
    }
  }

  async #ask(
    { budget, peer, preset, text }: Extract<Target, { kind: 'ask' }>,
    { attempts, limits }: Job,
    { attempt, run }: RunContext,
  ): Promise<AskHandle> {
    const { clock, desk } = this.#components
    // An id is taken for so long, and a run may have waited.
    const fresh = attempt === 1 && clock.now() - uuidTime(run) < ASK_RETENTION_MS / 2
    return await desk.ask({
      ...{ peer, text, preset, timeoutMs: limits.totalMs },
      budget: shareOf(budget, attempts.max),
      ask: fresh ? run : undefined,
      retryOf: attempt > 1 ? run : undefined,
    })
  }

  /** The ask of an earlier attempt, if it has no answer yet. */
  async #unanswered({ attempt, run }: RunContext): Promise<AskHandle | undefined> {
    if (attempt === 1) return undefined
    const handle = await this.#components.desk.find(run).catch(ifUnknown)
    return handle?.record.final === undefined ? handle : undefined
  }
}

/** What one of so many attempts may cost, so that all of them together stay within `budget`. */
function shareOf(budget: AskCall['budget'], attempts: number): AskCall['budget'] {
  if (budget === undefined) return undefined
  const { microUsd, tokens } = budget
  return {
    ...(microUsd === undefined ? {} : { microUsd: Math.floor(microUsd / attempts) }),
    ...(tokens === undefined ? {} : { tokens: Math.floor(tokens / attempts) }),
  }
}

function ifUnknown(err: unknown): undefined {
  if (!isFailure(err, 'unknown-ask')) throw err
}

/** The last line of an answer. @throws {KithError} as the answer failed; the signal's reason */
async function readAnswer(
  handle: AskHandle,
  progress: () => void,
  signal: AbortSignal,
): Promise<string> {
  const events = handle.read(0, signal)
  let tail = ''
  for (;;) {
    const { done, value } = await events.next()
    if (done === true) {
      if (value.outcome === 'failed') throw failureOf(value)
      return tail.trimEnd().split('\n').at(-1) ?? ''
    }
    progress()
    if (value.body.kind === 'text') tail = `${tail}${value.body.text}`.slice(-MAX_TAIL_CHARS)
  }
}

function failureOf({ code, details }: Extract<AskFinal, { outcome: 'failed' }>): KithError {
  const known: WireCode = isWireCode(code) ? code : 'internal'
  const named = details as unknown as FailureDetails[typeof known]
  return new KithError(known, `the ask failed: ${code}`, named)
}
