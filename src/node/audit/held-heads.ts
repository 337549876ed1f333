import { z } from 'zod'
import type { AuditHead } from '../../protocol/audit-head.ts'
import { dayIn } from '../../protocol/day.ts'
import { KithError } from '../../protocol/errors.ts'
import { bytes, MAX_AUDIT_HEADS } from '../../protocol/verbs.ts'
import type { AuditHeadEnd } from '../../protocol/verbs.ts'
import type { Database, Operation } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import type { Alerts } from '../alerts.ts'
import type { Clock } from '../clock.ts'
import { contradictionOf, keptHead } from './contradiction.ts'
import type { Contradiction, KeptHead } from './contradiction.ts'

/** Heads of one node that are kept: the last one of each of these days. */
const MAX_KEPT = 30

/** Contradictions of one node that are kept. */
const MAX_CONTRADICTIONS = MAX_AUDIT_HEADS - MAX_KEPT - 5

/** Of one node, a contradiction is kept and told once in so long: one that says something else each time fills nothing. */
const TELL_MS = 3_600_000

/** What is held of a node outlives its pin by so much. */
const FORGET_MS = 30 * 86_400_000

const contradictionRecord = z.strictObject({
  at: z.int(),
  problem: z.enum(['other', 'shorter', 'withheld', 'pruned']),
  kept: keptHead,
  /** What stands against it: the head at its number, or the newest one. */
  shown: bytes,
})
export type ContradictionRecord = z.infer<typeof contradictionRecord>

export interface HeldHeadsComponents {
  alerts: Pick<Alerts, 'raise'>
  clock: Pick<Clock, 'now'>
  database: Database
}

/** What other nodes have signed of their audit logs, so that none can write its log anew without being found out. */
export class HeldHeads {
  readonly #components: HeldHeadsComponents
  readonly #kept: Repository<KeptHead>
  readonly #contradictions: Repository<ContradictionRecord>

  constructor(components: HeldHeadsComponents) {
    const { database } = components
    this.#components = components
    this.#kept = new Repository(database, 'audit-held', keptHead)
    this.#contradictions = new Repository(database, 'audit-contradictions', contradictionRecord)
  }

  /** The heads of the node with this id that are kept, the oldest first. */
  async kept(id: string): Promise<KeptHead[]> {
    return await Array.fromAsync(this.#kept.values(rangeOf(id)))
  }

  /** What the node with this id has contradicted, the oldest first. */
  async contradictions(id: string): Promise<ContradictionRecord[]> {
    return await Array.fromAsync(this.#contradictions.values(rangeOf(id)))
  }

  /** All signed heads of the node with this id: those that it has contradicted, then those that are kept. */
  async signedOf(id: string): Promise<Uint8Array[]> {
    const contradicted = (await this.contradictions(id)).map(({ kept }) => kept.signed)
    return [...contradicted, ...(await this.kept(id)).map(({ signed }) => signed)]
  }

  /**
   * Takes what a peer has answered, and tells the owner when that stands against what is kept. `read` gives what a head
   * says that the key in force of the peer has signed.
   *
   * @throws {KithError} `bad-request` when a head is none of the peer's
   */
  async take(
    peer: { id: string; name: string },
    answer: Pick<AuditHeadEnd, 'head' | 'at'>,
    read: (signed: Uint8Array) => AuditHead | undefined,
  ): Promise<Contradiction | undefined> {
    const { clock, database } = this.#components
    const now = clock.now()
    const newest = { ...headOf(answer.head, peer.id, read), signed: answer.head }
    const stated = answer.at.map((signed) => ({ ...headOf(signed, peer.id, read), signed }))
    const kept = await Array.fromAsync(this.#kept.entries(rangeOf(peer.id)))
    const found = kept.flatMap(([key, head]) => {
      const contradiction = contradictionOf(head, newest, stated, now)
      return contradiction === undefined ? [] : [{ key, contradiction }]
    })
    const { seq, hash, signed } = newest
    const day = `${peer.id}!${dayIn('UTC', now)}`
    const drop = new Set(found.map(({ key }) => key))
    const rest = kept.map(([key]) => key).filter((key) => !drop.has(key) && key !== day)
    const surplus = rest.slice(0, Math.max(0, rest.length + 1 - MAX_KEPT))
    const [first] = found
    const told = first !== undefined && !(await this.#isTold(peer.id, now)) ? first : undefined
    await database.write(
      [
        ...[...drop, ...surplus].map((key) => this.#kept.del(key)),
        this.#kept.put(day, { seq, hash, signed, receivedAt: now }),
        ...(told === undefined ? [] : await this.#note(peer.id, told.contradiction, now)),
      ],
      { durable: told !== undefined },
    )
    if (told !== undefined) this.#alert(peer.name, told.contradiction)
    return first?.contradiction
  }

  /** Forgets what is held of nodes that are pinned no more, once it is old. Returns how many rows. */
  async prune(pinned: ReadonlySet<string>): Promise<number> {
    const { clock, database } = this.#components
    const before = clock.now() - FORGET_MS
    const isOver = (key: string, at: number): boolean =>
      at < before && !pinned.has(key.slice(0, key.indexOf('!')))
    const operations: Operation[] = []
    for await (const [key, { receivedAt }] of this.#kept.entries()) {
      if (isOver(key, receivedAt)) operations.push(this.#kept.del(key))
    }
    for await (const [key, { at }] of this.#contradictions.entries()) {
      if (isOver(key, at)) operations.push(this.#contradictions.del(key))
    }
    if (operations.length > 0) await database.write(operations, { durable: false })
    return operations.length
  }

  /** True while the last contradiction of this node is so young that one more says nothing new. */
  async #isTold(id: string, now: number): Promise<boolean> {
    const last = (await this.contradictions(id)).at(-1)
    return last !== undefined && now >= last.at && now - last.at < TELL_MS
  }

  async #note(id: string, { kept, problem, shown }: Contradiction, at: number) {
    const keys = await Array.fromAsync(this.#contradictions.keys(rangeOf(id)))
    const surplus = keys.slice(0, Math.max(0, keys.length + 1 - MAX_CONTRADICTIONS))
    return [
      ...surplus.map((key) => this.#contradictions.del(key)),
      this.#contradictions.put(`${id}!${String(at).padStart(16, '0')}`, {
        ...{ at, problem, kept },
        shown: shown.signed,
      }),
    ]
  }

  #alert(name: string, { kept, problem, shown }: Contradiction): void {
    this.#components.alerts.raise({
      kind: 'audit-contradicted',
      peer: name,
      what: `the audit log of ${name} is not the one it was: ${textOf(kept)} was kept here, and it now says ${textOf(shown)} (${problem})`,
      hint: `ask its owner, over another channel, whether it came back from a backup; kith audit peers ${name}`,
    })
  }
}

/** `entry 12 3f9a01c2…`. */
function textOf({ hash, seq }: { hash: Uint8Array; seq: number }): string {
  return `entry ${seq} ${Buffer.from(hash).toString('hex').slice(0, 16)}`
}

function headOf(
  signed: Uint8Array,
  id: string,
  read: (signed: Uint8Array) => AuditHead | undefined,
): AuditHead {
  const head = read(signed)
  if (head?.id === id) return head
  throw new KithError('bad-request', 'a head of an audit log is not its node’s', { what: 'head' })
}

/** All keys that begin with this id: `"` follows `!`. */
function rangeOf(id: string): { gt: string; lt: string } {
  return { gt: `${id}!`, lt: `${id}"` }
}
