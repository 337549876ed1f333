import { OWNER_NAME } from '../../agent/ports.ts'
import type { AskFact, Job } from '../../agent/ports.ts'
import { KithError } from '../../protocol/errors.ts'
import { MAX_ASK_SECONDS } from '../../protocol/limits.ts'
import { uuidV7 } from '../../protocol/uuid.ts'
import type { AskCall, AskEventBody } from '../../protocol/verbs.ts'
import type { Clock } from '../clock.ts'
import type { Pins } from '../pins.ts'
import type { AskRecord, AskStore } from './ask-store.ts'
import type { Answerer } from './answerer.ts'
import type { AskHandle, AskerInfo } from './handle.ts'
import type { Asker } from './asker.ts'

const DEFAULT_TIMEOUT_MS = 600_000

/** Asks that an engine can look back on. */
const MAX_FACTS = 200

export interface AskDeskComponents {
  store: AskStore
  answerer: Answerer
  asker: Asker
  pins: Pick<Pins, 'byName' | 'byId'>
  clock: Clock
  randomBytes: (count: number) => Uint8Array
}

export interface OwnerAsk {
  /** A pinned peer's name, or `self`. */
  peer: string
  text: string
  session?: string | undefined
  timeoutMs?: number | undefined
  ask?: string | undefined
  wait?: boolean | undefined
  retryOf?: string | undefined
  preset?: AskCall['preset'] | undefined
  budget?: AskCall['budget'] | undefined
  job?: Job | undefined
}

/** Where the owner's asks start and are found again: those to this node itself, and those to its peers. */
export class AskDesk {
  readonly #components: AskDeskComponents
  /** The owner as an asker: nothing is withheld, and the node's own limits hold. */
  readonly owner: AskerInfo

  constructor(components: AskDeskComponents, init: { ownId: string }) {
    this.#components = components
    this.owner = {
      name: OWNER_NAME,
      id: init.ownId,
      grant: {
        preset: 'full',
        approve: [],
        parallel: Infinity,
        queue: Infinity,
        maxSeconds: MAX_ASK_SECONDS,
        dailyBytes: Infinity,
      },
    }
  }

  /**
   * Starts an ask, or joins the one with its id. On disk when this resolves.
   *
   * @throws {KithError} `unknown-peer`, `conflict`, `busy`; `unreachable` for a peer whose node id is not known yet;
   *   `usage` for a job at a peer
   */
  async ask(request: OwnerAsk): Promise<AskHandle> {
    const { answerer, asker, clock, pins, randomBytes } = this.#components
    const { budget, job, peer: name, preset, retryOf, session, text } = request
    const call: AskCall = {
      ask: request.ask ?? uuidV7(clock.now(), randomBytes(10)),
      text,
      chain: [this.owner.id],
      timeoutMs: request.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      ...(session === undefined ? {} : { session }),
      ...(retryOf === undefined ? {} : { retryOf }),
      ...(preset === undefined ? {} : { preset }),
      ...(budget === undefined ? {} : { budget }),
    }
    if (name === OWNER_NAME) return await answerer.submit(this.owner, call, job)
    if (job !== undefined) throw jobAtPeer(job, name)
    const peer = pins.byName(name)
    if (peer === undefined) throw unknownPeer(name)
    const { id } = peer
    if (id === undefined) {
      throw new KithError('unreachable', `${name} has not been met yet`, {
        peer: name,
        reason: 'its node id is not known before the first contact',
      })
    }
    return await asker.ask({ ...peer, id }, call, request.wait ?? false)
  }

  /** An ask of the owner's with this id, to be read on. A peer may have chosen the same for one of its own. */
  async findOwn(ask: string): Promise<AskHandle | undefined> {
    const { answerer, asker, store } = this.#components
    const record = await store.find(ask)
    if (record?.direction === 'out') return asker.attach(record)
    return answerer.find(this.owner.id, ask) === undefined
      ? undefined
      : answerer.attach(this.owner.id, ask)
  }

  /** An ask of either direction, to be read on. @throws {KithError} `unknown-ask` */
  async find(ask: string): Promise<AskHandle> {
    const { answerer, asker, store } = this.#components
    const record = await store.find(ask)
    if (record === undefined) {
      throw new KithError('unknown-ask', `no ask ${ask} here`, { ask }, { hint: 'kith asks list' })
    }
    return record.direction === 'out' ? asker.attach(record) : answerer.attach(record.peer, ask)
  }

  /** Ends an ask: one of ours at its peer, one of a peer's here. @throws {KithError} `unknown-ask` */
  async cancel(ask: string): Promise<AskHandle> {
    const { answerer, asker } = this.#components
    const { record } = await this.find(ask)
    if (record.direction === 'out') await asker.cancel(record)
    else await answerer.cancel(record.peer, ask)
    return await this.find(ask)
  }

  /** What was asked, word for word. */
  async asked(record: AskRecord): Promise<string> {
    return (await this.#components.store.call(record))?.text ?? ''
  }

  /** What was asked, the names of those it came through, as much of the answer as is in, and its newest note. */
  async content({
    record,
  }: AskHandle): Promise<{ text: string; chain: string[]; answer: string; note?: string }> {
    const { store } = this.#components
    const bodies = await Array.fromAsync(store.events(record), ({ body }) => body)
    const answer = bodies.map((body) => (body.kind === 'text' ? body.text : '')).join('')
    const progress = bodies.findLast(({ kind }) => kind === 'progress')
    const { chain = [], text = '' } = (await store.call(record)) ?? {}
    return {
      text,
      chain: chain.map((peer) => this.nameOf({ peer })),
      answer,
      ...(progress?.kind === 'progress' ? { note: progress.note } : {}),
    }
  }

  /** The newest event of an ask that is in the store. */
  async newest(record: AskRecord): Promise<AskEventBody | undefined> {
    const { store } = this.#components
    const seq = await store.lastSeq(record)
    if (seq === 0) return undefined
    for await (const { body } of store.events(record, seq - 1)) return body
    return undefined
  }

  /** The newest event's number of an ask. */
  async lastSeq(record: AskRecord): Promise<number> {
    return await this.#components.store.lastSeq(record)
  }

  /** The newest asks, newest first, as they stand now. */
  async list(limit: number): Promise<AskRecord[]> {
    const { answerer, store } = this.#components
    return (await store.list(limit)).map((record) =>
      record.direction === 'in' ? (answerer.find(record.peer, record.ask) ?? record) : record,
    )
  }

  /** Our name for the other side of an ask, or its node id when it is not pinned. */
  nameOf({ peer }: Pick<AskRecord, 'peer'>): string {
    if (peer === this.owner.id) return this.owner.name
    return this.#components.pins.byId(peer)?.pin.name ?? peer
  }

  async facts(): Promise<AskFact[]> {
    return (await this.list(MAX_FACTS))
      .filter(({ direction }) => direction === 'in')
      .map((record) => ({
        id: record.ask,
        asker: this.nameOf(record),
        state: record.state,
        at: record.receivedAt,
      }))
  }
}

function jobAtPeer({ name }: Job, peer: string): KithError<'usage'> {
  const what = `what ${peer} spends is its own: the caps of job ${name} are for asks to ${OWNER_NAME}`
  return new KithError('usage', what, { what })
}

export function unknownPeer(name: string): KithError<'unknown-peer'> {
  return new KithError(
    'unknown-peer',
    `no peer is named ${name}`,
    { name },
    { hint: 'kith peers list' },
  )
}
