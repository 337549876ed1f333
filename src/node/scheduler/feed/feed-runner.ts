import type { Logger } from 'pino'
import { KithError, isFailure, toError } from '../../../protocol/errors.ts'
import { ASK_RETENTION_MS } from '../../../protocol/limits.ts'
import { singleLine } from '../../../protocol/text.ts'
import { uuidTime, uuidV7 } from '../../../protocol/uuid.ts'
import type { Clock } from '../../clock.ts'
import type { Job } from '../job.ts'
import type { Result, ResultRows, RunContext, Runner } from '../runner.ts'
import type { FeedQueue } from './feed-queue.ts'
import type { FeedRule } from './feed-rule.ts'
import type { FeedStore } from './feed-store.ts'
import { verdictOf } from './item.ts'
import type { Item } from './item.ts'
import { takeFiles } from './take-files.ts'

/** Longest line about a failure, in UTF-16 units. */
const MAX_LINE_CHARS = 500

export interface FeedRunnerComponents {
  store: FeedStore
  /** Does what a job is there for, with its item. */
  runner: Runner
  /** What is stored of its result. */
  resultRows: ResultRows
  clock: Clock
  randomBytes: (count: number) => Uint8Array
  log: Logger
}

/** What is done for one time at which a job was due: a run for each item, up to the batch. */
interface Chain {
  dueAt: number
  left: number
  /** Of the items whose turn is before this: one that fails is tried again the next time. */
  until: number
  /** It was on when it began: turned off meanwhile, it ends. */
  enabled: boolean
}

interface Hand {
  job: Job
  feed: FeedRule
  queue: FeedQueue
}

const CUT_SHORT = { code: 'interrupted', why: 'the process that ran it has ended' }

/**
 * Runs jobs, those with a feed one item a run. The first run of a time that is due looks into the folder. An item is
 * on disk as tried before its target has it; that it is done is stored as one with the end of its run.
 */
export class FeedRunner implements Runner {
  readonly #components: FeedRunnerComponents
  readonly #chains = new Map<string, Chain>()

  constructor(components: FeedRunnerComponents) {
    this.#components = components
  }

  /**
   * @throws {KithError} `item-failed` when the item is to blame; as `takeFiles`, and as the runner of the target
   */
  async run(job: Job, context: RunContext, signal: AbortSignal): Promise<Result> {
    const { clock, runner, store } = this.#components
    const { feed } = job
    if (feed === undefined) return await runner.run(job, context, signal)
    const queue = await store.open(job.name)
    const hand = { job, feed, queue }
    await this.#settle(hand)
    const { dueAt, progress } = context
    let chain = this.#chains.get(job.name)
    if (chain?.dueAt !== dueAt) {
      await takeFiles(queue, feed, { now: clock.now(), progress, signal })
      chain = { dueAt, left: feed.batch, until: queue.state.turn, enabled: job.enabled }
      this.#chains.set(job.name, chain)
      const { full } = queue.state
      if (full !== undefined) this.#components.log.warn({ job: job.name, full }, 'a feed is full')
    }
    const item = queue.underway ?? queue.next
    if (item === undefined) return { summary: 'nothing new' }
    chain.left--
    return await this.#give(item, hand, context, signal)
  }

  /** The due time for which `job` still has items; undefined when it has none, or enough for now. */
  goesOn({ enabled, name }: Pick<Job, 'enabled' | 'name'>): number | undefined {
    const chain = this.#chains.get(name)
    if (chain === undefined || chain.left <= 0 || (chain.enabled && !enabled)) return undefined
    const next = this.#components.store.opened(name)?.next
    return next === undefined || next.turn >= chain.until ? undefined : chain.dueAt
  }

  /** The changes that go with the end of a run: that its item is done, and those of its result. */
  readonly rowsOf: ResultRows = (job, ended, outcome) => {
    const { resultRows, store } = this.#components
    const { finalAt = 0, run, state } = ended
    const succeeded = state === 'succeeded'
    const done = succeeded ? (store.opened(job.name)?.doneRows(run, finalAt) ?? []) : []
    // A run that found nothing new has no result: there is none to hand on, or to put in place of the last one.
    if (job.feed !== undefined && succeeded && done.length === 0) return []
    return [...done, ...resultRows(job, ended, outcome)]
  }

  /**
   * What an earlier attempt has left under way, as one that was killed. An ask goes on by itself, and is joined; a
   * program has gone, and nobody knows how far it got: it has failed.
   */
  async #settle({ feed, job: { target }, queue }: Hand): Promise<void> {
    const item = queue.underway
    if (item === undefined) return
    const now = this.#components.clock.now()
    const { ask } = item
    const known = ask !== undefined && now - uuidTime(ask) < ASK_RETENTION_MS
    if (target.kind === 'ask' && known) return
    const { quarantineAfter } = feed
    this.#tell(await queue.fail(item, CUT_SHORT, 'again', { now, quarantineAfter }))
  }

  async #give(item: Item, hand: Hand, context: RunContext, signal: AbortSignal): Promise<Result> {
    const { clock, randomBytes, runner } = this.#components
    const { job, queue } = hand
    const ask = item.ask ?? uuidV7(clock.now(), randomBytes(10))
    const given = await queue.begin(item, context.run, job.target.kind === 'ask' ? ask : undefined)
    let begun = false
    const progress = (): void => {
      begun = true
      context.progress()
    }
    try {
      const content = await queue.content(given)
      const handed = { id: given.item, name: given.name, content, ask }
      const result = await runner.run(job, { ...context, progress, item: handed }, signal)
      return resultOf(given, result)
    } catch (err) {
      throw await this.#failed(given, hand, signal.aborted ? signal.reason : err, begun)
    }
  }

  /** What the run of an item fails with; the item is stored as it is after that. */
  async #failed(
    item: Item,
    { feed, job, queue }: Hand,
    err: unknown,
    begun: boolean,
  ): Promise<unknown> {
    const code = isFailure(err) ? err.code : 'internal'
    // The ask goes on, and a program was cut short: the next run finds out.
    if (code === 'stopping' && begun) return err
    const why = singleLine(toError(err).message, MAX_LINE_CHARS)
    const verdict = verdictOf(code, begun)
    const { quarantineAfter } = feed
    const now = this.#components.clock.now()
    const after = await queue.fail(item, { code, why }, verdict, { now, quarantineAfter })
    this.#tell(after)
    if (verdict === 'elsewhere') {
      // The next item would fare no better.
      this.#chains.delete(job.name)
      return err
    }
    const details = { item: item.item, name: item.name }
    return new KithError('item-failed', `${item.name}: ${why}`, details, { cause: err })
  }

  #tell({ failure, item, job, name, state }: Item): void {
    if (state !== 'quarantined') return
    const fields = { job, item, code: failure?.code, remote: { name } }
    this.#components.log.warn(fields, 'an item of a feed is set aside')
  }
}

/** The result of a run, with the item that it is of. */
function resultOf({ item, name }: Item, { made, summary }: Result): Result {
  const source = { ref: `feed:${name}`, digest: new Uint8Array(Buffer.from(item, 'hex')) }
  return {
    summary: `${name}: ${summary}`,
    ...(made === undefined ? {} : { made: { ...made, sources: [...made.sources, source] } }),
  }
}
