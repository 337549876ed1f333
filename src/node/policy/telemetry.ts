import type { Logger } from 'pino'
import { z } from 'zod'
import { isWireCode } from '../../protocol/errors.ts'
import type { WireCode } from '../../protocol/errors.ts'
import type { Call } from '../../protocol/message.ts'
import { singleLine } from '../../protocol/text.ts'
import type { Database } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import type { WireFailure } from '../answer.ts'
import type { Clock } from '../clock.ts'
import { isHeartbeat, traceOf } from './trace.ts'

/** What our own rules did with the calls of a peer. */
export const POLICY_COUNTS = ['allowed', 'filtered', 'review', 'denied', 'limited'] as const
export type PolicyCount = (typeof POLICY_COUNTS)[number]

/**
 * What a refusal counts as. `denied`: the call may not be made so. `limited`: it may be made later. The rest says
 * nothing of our rules: it broke, or somebody ended it.
 */
const COUNTED_AS: Readonly<Record<WireCode, PolicyCount | undefined>> = {
  'not-pinned': 'denied',
  frozen: 'denied',
  rotated: 'denied',
  'bad-request': 'denied',
  'too-large': 'denied',
  'unsupported-verb': 'denied',
  denied: 'denied',
  cycle: 'denied',
  conflict: 'denied',
  'rate-limited': 'limited',
  busy: 'limited',
  'budget-exhausted': 'limited',
  'breaker-open': 'limited',
  'approval-needed': 'review',
  deadline: undefined,
  cancelled: undefined,
  interrupted: undefined,
  internal: undefined,
}

/** Peers that are counted: more than anybody pins. */
const MAX_PEERS = 4_096

/** Traces that are remembered of each peer: an ask that is tried again after so many others is counted anew. */
const MAX_TRACES = 128

/** What was counted is on disk after this long at most. */
const WRITE_MS = 30_000

const MAX_WHY_CHARS = 200
const MAX_VERB_CHARS = 64

const count = z.int().nonnegative()
const refusal = z.strictObject({
  code: z.string(),
  at: count,
  verb: z.string(),
  /** For our own operator. */
  why: z.string(),
  /** As the peer was told them. */
  details: z.record(z.string(), z.union([z.string(), z.number()])),
})

const row = z.strictObject({
  since: count,
  counts: z.strictObject({
    allowed: count,
    filtered: count,
    review: count,
    denied: count,
    limited: count,
  }),
  lastDenial: z.exactOptional(refusal),
  /** The last refusal with each code. */
  last: z.record(z.string(), refusal),
  /** What was counted lately, and as what: a retry with the same id is no other call. */
  traces: z.array(z.string()).max(MAX_TRACES),
})
type Row = z.infer<typeof row>

/** A call that was not served, and why. */
export type Refusal = z.infer<typeof refusal>

/** What is known of the calls of one peer. */
export type PolicyRecord = Omit<Row, 'traces'>

/** A call of a peer, whatever is in it. */
export type PolicyCall = Pick<Call, 'verb' | 'body'>

/** How it failed; `why` is for our own operator. */
export type PolicyFailure = Pick<WireFailure, 'code' | 'details'> & { why: string }

export interface TelemetryComponents {
  database: Database
  pins: { peers: () => readonly { id: string | undefined; pin: { name: string } }[] }
  clock: Clock
  log: Logger
}

/**
 * Counts what our rules do with the calls of each peer, by its node id: it goes on after a rename, a restart and a
 * change of keys, and ends with the pin.
 */
export class PolicyTelemetry {
  readonly #components: TelemetryComponents
  readonly #rows: Repository<Row>
  #peers = new Map<string, Row>()
  readonly #changed = new Set<string>()
  #cancelWrite: (() => void) | undefined

  constructor(components: TelemetryComponents) {
    this.#components = components
    this.#rows = rowsIn(components.database)
  }

  /** Reads what is on disk. Comes before the first call. */
  async start(): Promise<void> {
    this.#peers = new Map(await Array.fromAsync(this.#rows.entries()))
  }

  /** Resolves when all that was counted is written. */
  async stop(): Promise<void> {
    this.#cancelWrite?.()
    await this.#write()
  }

  /** Counts a call that was let in, or what became of it. With a trace, the same thing is counted once. */
  count(peer: string, what: PolicyCount, trace?: string): void {
    const known = this.#of(peer)
    if (known === undefined) return
    const mark = trace === undefined ? undefined : `${what} ${trace}`
    if (mark !== undefined && known.traces.includes(mark)) return
    known.counts[what]++
    if (mark !== undefined) known.traces = [...known.traces, mark].slice(-MAX_TRACES)
    this.#touch(peer)
  }

  /** Counts a call that was let in. */
  admitted(peer: string, { body, verb }: PolicyCall): void {
    if (!isHeartbeat(verb, body)) this.count(peer, 'allowed', traceOf(body))
  }

  /** Counts a call that was refused, and remembers why. */
  refused(peer: string, { body, verb }: PolicyCall, { code, details, why }: PolicyFailure): void {
    const known = isHeartbeat(verb, body) ? undefined : this.#of(peer)
    if (known === undefined || !isWireCode(code)) return
    const last: Refusal = {
      ...{ code, details: plain(details), at: this.#components.clock.now() },
      verb: singleLine(verb, MAX_VERB_CHARS),
      why: singleLine(why, MAX_WHY_CHARS),
    }
    // The last of them is the newest: a key that is there keeps its place.
    Reflect.deleteProperty(known.last, code)
    known.last[code] = last
    const what = COUNTED_AS[code]
    if (what === 'denied' || what === 'limited') known.lastDenial = last
    this.#touch(peer)
    if (what !== undefined) this.count(peer, what, traceOf(body))
  }

  /** What was counted of this node id. */
  of(peer: string | undefined): PolicyRecord | undefined {
    return recordOf(peer === undefined ? undefined : this.#peers.get(peer))
  }

  /** The counts of every pinned peer that has called, for whoever measures. */
  counters(): (Record<PolicyCount, number> & { peer: string })[] {
    return this.#components.pins.peers().flatMap(({ id, pin }) => {
      const known = this.of(id)
      return known === undefined ? [] : [{ peer: pin.name, ...known.counts }]
    })
  }

  /** The row of a peer, made if there is none; undefined when there are too many. */
  #of(peer: string): Row | undefined {
    const known = this.#peers.get(peer)
    if (known !== undefined) return known
    if (this.#peers.size >= MAX_PEERS) return undefined
    const counts = { allowed: 0, filtered: 0, review: 0, denied: 0, limited: 0 }
    const fresh: Row = { since: this.#components.clock.now(), counts, last: {}, traces: [] }
    this.#peers.set(peer, fresh)
    return fresh
  }

  #touch(peer: string): void {
    this.#changed.add(peer)
    this.#cancelWrite ??= this.#components.clock.after(WRITE_MS, () => {
      void this.#write()
    })
  }

  async #write(): Promise<void> {
    this.#cancelWrite = undefined
    const { database, log, pins } = this.#components
    const pinned = new Set(pins.peers().map(({ id }) => id))
    const gone = [...this.#peers.keys()].filter((peer) => !pinned.has(peer))
    const operations = [
      ...[...this.#changed].flatMap((peer) => {
        const known = this.#peers.get(peer)
        return known === undefined || !pinned.has(peer) ? [] : [this.#rows.put(peer, known)]
      }),
      ...gone.map((peer) => this.#rows.del(peer)),
    ]
    for (const peer of gone) this.#peers.delete(peer)
    this.#changed.clear()
    if (operations.length === 0) return
    await database.write(operations, { durable: false }).catch((err: unknown) => {
      log.error({ err }, 'the counts of calls could not be written')
    })
  }
}

/** What is stored of a peer, for a node that does not run. */
export async function storedPolicy(
  database: Database,
  peer: string,
): Promise<PolicyRecord | undefined> {
  return recordOf(await rowsIn(database).get(peer))
}

function rowsIn(database: Database): Repository<Row> {
  return new Repository(database, 'policy-counts', row)
}

function recordOf(known: Row | undefined): PolicyRecord | undefined {
  if (known === undefined) return undefined
  const { counts, last, lastDenial, since } = known
  return { counts, last, since, ...(lastDenial === undefined ? {} : { lastDenial }) }
}

/** Details of our own failures: texts, which may say what a peer has sent, and numbers. */
function plain(details: PolicyFailure['details']): Refusal['details'] {
  const kept: Refusal['details'] = {}
  for (const [name, value] of Object.entries(details)) {
    if (typeof value === 'string') kept[name] = singleLine(value, MAX_WHY_CHARS)
    else if (typeof value === 'number') kept[name] = value
  }
  return kept
}
