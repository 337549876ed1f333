import { OWNER_NAME } from '../../../agent/ports.ts'
import { framed } from '../../../agent/untrusted.ts'
import { KithError, isFailure, isWireCode } from '../../../protocol/errors.ts'
import type { FailureCode, FailureDetails } from '../../../protocol/errors.ts'
import { ASK_RETENTION_MS } from '../../../protocol/limits.ts'
import { sha256 } from '../../../protocol/sha256.ts'
import { uuidTime, uuidV7 } from '../../../protocol/uuid.ts'
import type { AskCall, AskEnd, AskFinal } from '../../../protocol/verbs.ts'
import type { AskDesk } from '../../asks/ask-desk.ts'
import type { AskRecord } from '../../asks/ask-store.ts'
import type { AskHandle } from '../../asks/handle.ts'
import type { Clock } from '../../clock.ts'
import type { Made } from '../artifact.ts'
import type { Job, Target } from '../job.ts'
import { ResultText } from '../result-text.ts'
import type { HandedItem, Result, RunContext } from '../runner.ts'

type AskTarget = Extract<Target, { kind: 'ask' }>

export interface AskRunnerComponents {
  desk: Pick<AskDesk, 'ask' | 'asked' | 'cancel' | 'find'>
  clock: Clock
  /** The model that has answered an ask to this node, if one did. */
  modelOf: (record: AskRecord) => Promise<string | undefined>
  /** Settings of the engine of this node that have a say in an answer, without secrets. */
  engineSettings: () => object
}

/**
 * Asks this node, or a pinned peer, by the way that the owner's own asks go. The first ask of a run has the run's id,
 * and those of later attempts one that follows from it, so that one is found by the other: an attempt after a crash
 * joins the ask of the one before, unless that has failed. The item of a feed goes along as data, in an ask of its own id.
 */
export class AskRunner {
  readonly #components: AskRunnerComponents

  constructor(components: AskRunnerComponents) {
    this.#components = components
  }

  /** @throws {KithError} with the code of an answer that failed, or as `AskDesk.ask` */
  async run(
    job: Job,
    target: AskTarget,
    context: RunContext,
    signal: AbortSignal,
  ): Promise<Result> {
    const handle = (await this.#earlier(context)) ?? (await this.#ask(target, job, context))
    context.progress()
    try {
      const { end, text } = await readAnswer(handle, target.peer, context.progress, signal)
      const made = await this.#made(job, target, handle.record, end)
      return { summary: text.lastLine, made: { ...made, ...text.content() } }
    } catch (err) {
      // A node that stops takes its asks up again: they are not to end for that.
      if (signal.aborted && !isFailure(signal.reason, 'stopping')) {
        await this.#components.desk.cancel(handle.record.ask)
      }
      throw err
    }
  }

  /** What an answer was made of. */
  async #made(
    { attempts, limits }: Job,
    { budget, egress, peer, preset }: AskTarget,
    record: AskRecord,
    { engine }: AskEnd,
  ): Promise<Omit<Made, 'content'>> {
    const { desk, engineSettings, modelOf } = this.#components
    const own = peer === OWNER_NAME
    const model = own ? await modelOf(record) : undefined
    const context = {
      ...{ peer, preset, egress, timeoutMs: limits.totalMs },
      ...(budget === undefined ? {} : { budget: shareOf(budget, attempts.max) }),
      ...(own ? { engine: engineSettings() } : {}),
    }
    return {
      // As it went out: an item has another frame each time.
      prompt: await desk.asked(record),
      ...{ context: JSON.stringify(context), engine, trace: record.ask },
      ...(model === undefined ? {} : { model }),
      // The journal of asks has this digest: from there on, every step is in its chain.
      sources: [{ ref: `ask:${record.ask}`, digest: record.digest }],
    }
  }

  async #ask(
    { budget, peer, preset, text }: AskTarget,
    { attempts, limits }: Job,
    { attempt, item, run }: RunContext,
  ): Promise<AskHandle> {
    const { clock, desk } = this.#components
    const same = {
      ...{ peer, preset, timeoutMs: limits.totalMs },
      budget: shareOf(budget, attempts.max),
    }
    if (item !== undefined) {
      return await desk.ask({ ...same, text: withItem(text, item), ask: item.ask })
    }
    // An id is taken for so long, and a run may have waited.
    const fresh = clock.now() - uuidTime(run) < ASK_RETENTION_MS / 2
    return await desk.ask({
      ...{ ...same, text },
      ask: fresh ? askIdOf(run, attempt) : undefined,
      retryOf: attempt > 1 ? run : undefined,
    })
  }

  /** The last ask of the attempts before, unless it has failed; that of an item, whatever has become of it. */
  async #earlier({ attempt, item, run }: RunContext): Promise<AskHandle | undefined> {
    const { desk } = this.#components
    if (item !== undefined) return await desk.find(item.ask).catch(ifUnknown)
    for (let before = attempt - 1; before > 0; before--) {
      const handle = await desk.find(askIdOf(run, before)).catch(ifUnknown)
      // One that has joined an ask has made none.
      if (handle !== undefined)
        return handle.record.final?.outcome === 'failed' ? undefined : handle
    }
    return undefined
  }
}

/** The id of the ask that an attempt makes: always the same. */
function askIdOf(run: string, attempt: number): string {
  if (attempt === 1) return run
  const digest = sha256(new TextEncoder().encode(`${run} ${attempt}`))
  return uuidV7(uuidTime(run), digest.subarray(0, 10))
}

/** What is asked, with an item as data from outside. @throws {KithError} `bad-request` for one that is no text */
function withItem(text: string, { content, name }: HandedItem): string {
  try {
    const data = new TextDecoder('utf-8', { fatal: true }).decode(content)
    return `${text}\n\n${framed(data, `the file ${name}`)}`
  } catch (err) {
    const what = 'its content is no UTF-8 text'
    throw new KithError('bad-request', what, { what }, { cause: err })
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

/** An answer, and its end. @throws {KithError} as the answer failed; the signal's reason */
async function readAnswer(
  handle: AskHandle,
  peer: string,
  progress: () => void,
  signal: AbortSignal,
): Promise<{ text: ResultText; end: AskEnd }> {
  const events = handle.read(0, signal)
  const text = new ResultText()
  for (;;) {
    const { done, value } = await events.next()
    if (done === true) {
      if (value.outcome === 'failed') throw failureOf(value, peer)
      return { text, end: value.end }
    }
    progress()
    if (value.body.kind === 'text') text.push(value.body.text)
  }
}

function failureOf(
  { code, details }: Extract<AskFinal, { outcome: 'failed' }>,
  peer: string,
): KithError {
  // Beside those of the wire, an ask to a peer ends with what kept it from its peer.
  const away = code === 'unreachable' || code === 'connection-lost'
  const known: FailureCode = isWireCode(code) || away ? code : 'internal'
  const named = details as unknown as FailureDetails[typeof known]
  const who = peer === OWNER_NAME ? 'this node' : peer
  const rule = typeof details['rule'] === 'string' ? ` by its rule ${details['rule']}` : ''
  return new KithError(known, `the ask to ${who} failed: ${code}${rule}`, named)
}
