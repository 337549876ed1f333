import { decideRate } from '../../protocol/rate.ts'
import type { Rate } from '../../protocol/rate.ts'
import type { AuditEvent } from './audit-entry.ts'

/** Rows of one kind and peer: one that is refused day and night adds no more than these, whatever it calls. */
const ROWS: Rate = { calls: 6, perMs: 3_600_000, burst: 6 }

/** What tokens change is told one by one, but for one that wants to push out what else is in the log. */
const TOKEN_ROWS: Rate = { calls: 60, perMs: 3_600_000, burst: 60 }

/** What is counted apart in a row; the rest is counted as `other`. */
const MAX_COUNTED = 11

/** Peers that are counted; those beyond it wait until others have gone. */
const MAX_PEERS = 1_000

/** What peers, programs and holders of tokens may cause as often as they like. */
export type CountedKind = 'denied' | 'cancel' | 'token'

interface Tally {
  kind: CountedKind
  peer: string
  counts: Map<string, number>
}

/** What peers have caused, counted until the next row that its rate allows. */
export class Tallies {
  readonly #tallies = new Map<string, Tally>()
  readonly #cells = new Map<string, number>()

  /** `what` is in words of ours: a verb that we know, and a code. */
  count(kind: CountedKind, peer: string, what: string): void {
    const key = `${kind} ${peer}`
    const tally = this.#tallies.get(key) ?? { kind, peer, counts: new Map<string, number>() }
    if (this.#tallies.size >= MAX_PEERS && !this.#tallies.has(key)) return
    this.#tallies.set(key, tally)
    const { counts } = tally
    const counted = counts.has(what) || counts.size < MAX_COUNTED ? what : 'other'
    counts.set(counted, (counts.get(counted) ?? 0) + 1)
  }

  /** The rows that may be written at `now`; what they count is counted no more. `all`: whatever their rate. */
  take(now: number, all = false): AuditEvent[] {
    const events: AuditEvent[] = []
    for (const [key, { counts, kind, peer }] of this.#tallies) {
      const rate = decideRate(kind === 'token' ? TOKEN_ROWS : ROWS, this.#cells.get(key), now)
      if (rate.allowed) this.#cells.set(key, rate.cell)
      else if (!all) continue
      this.#tallies.delete(key)
      events.push({
        kind,
        who: peer,
        what: textOf(kind, counts),
        details: Object.fromEntries(counts),
      })
    }
    // A cell that lies in the past is as none.
    for (const [key, cell] of this.#cells) if (cell <= now) this.#cells.delete(key)
    return events
  }
}

function textOf(kind: CountedKind, counts: ReadonlyMap<string, number>): string {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const [only] = total === 1 ? counts.keys() : []
  switch (kind) {
    case 'cancel':
      return only === undefined ? `${total} asks were cancelled` : 'an ask was cancelled'
    case 'denied':
      return only === undefined ? `${total} calls were refused` : 'a call was refused'
    case 'token':
      return only === undefined ? `made ${total} calls` : `called ${only}`
  }
}
