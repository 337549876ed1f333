import { KithError, toError } from '../../protocol/errors.ts'
import { readInvite } from '../../protocol/invite.ts'
import type { Invite } from '../../protocol/invite.ts'
import {
  giveUpJoin,
  isOverdue,
  joinAgain,
  joinerRecord,
  joinerRecordOf,
} from '../../protocol/pairing-joiner.ts'
import type { JoinerRecord } from '../../protocol/pairing-joiner.ts'
import { peerIdOf } from '../../protocol/peer-id.ts'
import type { GrantName } from '../../protocol/pin.ts'
import { Repository } from '../../store/repository.ts'
import { isSettled, joinStanding } from './join-standing.ts'
import type { AttemptsStanding, JoinStanding } from './join-standing.ts'
import { JoinVisits } from './join-visits.ts'
import { joinWaitMs } from './join-wait.ts'
import { inviteKey, MAX_PAIRINGS, PAIRING_KEPT_MS, PAIRING_SWEEP_MS } from './pairing-parts.ts'
import type { PairingInit, PairingParts } from './pairing-parts.ts'

export interface JoinOptions {
  /** Our name for the inviter. @default what it would like to be called */
  name?: string
  /** What it may do here. */
  allow: readonly GrantName[]
  /** What we want to do there. @default all that the invite offers */
  wants?: readonly string[]
}

interface Attempts extends AttemptsStanding {
  stop: AbortController
  /** Ends the wait for the next attempt. */
  wait: AbortController
  done: Promise<void>
}

/** The invites that this node redeems. What was begun is tried until it is done or overdue, over restarts too. */
export class Joiner {
  readonly #parts: PairingParts
  readonly #rows: Repository<JoinerRecord>
  /** By `inviteKey`. */
  readonly #records = new Map<string, JoinerRecord>()
  /** Half paired, and given up by the owner: what there is to go on with when he redeems the link again. */
  readonly #givenUp = new Map<string, JoinerRecord>()
  readonly #attempts = new Map<string, Attempts>()
  readonly #visits: JoinVisits
  readonly #waiters = new Set<() => void>()
  #stops: (() => void)[] = []

  constructor(parts: PairingParts, init: PairingInit) {
    this.#parts = parts
    this.#rows = new Repository(parts.database, 'joins', joinerRecord)
    const get = (key: string): JoinerRecord | undefined => this.#records.get(key)
    this.#visits = new JoinVisits(parts, {
      ownAddresses: init.addresses,
      records: { get, store: (key, record) => this.#store(key, record) },
    })
  }

  /** Reads what is on disk. */
  async start(): Promise<void> {
    const { clock, links, log } = this.#parts
    for await (const [key, record] of this.#rows.entries()) {
      const kept = record.givenUp === true ? this.#givenUp : this.#records
      kept.set(key, record)
    }
    await this.#sweep()
    this.#stops = [
      clock.every(PAIRING_SWEEP_MS, () => {
        this.#sweep().catch((err: unknown) => {
          log.error({ err }, 'old pairings could not be removed')
        })
      }),
      // Whoever links with us knows our key: its lobby has room for us again.
      links.onChange(({ id }, up) => {
        if (up) this.#wake(id)
      }),
    ]
  }

  /** Goes on with what has come to no end. */
  resume(): void {
    for (const [key, record] of this.#records) if (!isSettled(record)) this.#begin(key)
  }

  /** Resolves once nothing is tried any more. */
  async stop(): Promise<void> {
    for (const stop of this.#stops) stop()
    const all = [...this.#attempts.values()]
    for (const { stop } of all) stop.abort()
    await Promise.all(all.map(({ done }) => done))
    this.#tell()
  }

  list(): JoinStanding[] {
    return [...this.#records]
      .map(([key, record]) => this.#standing(key, record))
      .sort((a, b) => a.at - b.at)
  }

  /**
   * Begins to redeem the invite in a link. What was begun with it before goes on, at once.
   *
   * @throws {KithError} `bad-invite`, `usage`, `exists` for a name that is taken, `blocked`, `list-full`
   */
  async join(link: string, { allow, name, wants }: JoinOptions): Promise<JoinStanding> {
    const { clock, self, strangers } = this.#parts
    const now = clock.now()
    const invite = readInvite(link, now)
    const key = inviteKey(invite.invite)
    let record = this.#records.get(key)
    if (record === undefined) {
      strangers.assertNotBlocked(invite.id)
      strangers.assertNotBlocked(peerIdOf(invite.k))
      const init = {
        ownId: self.id,
        name: this.#nameFor(invite, name),
        allow,
        ...(wants === undefined ? {} : { wants }),
        now,
      }
      const given = this.#givenUp.get(key)
      record = given === undefined ? joinerRecordOf(invite, init) : joinAgain(given, invite, init)
      const count = this.#records.size + this.#givenUp.size
      if (given === undefined && count >= MAX_PAIRINGS) {
        const what = `${MAX_PAIRINGS} pairings are kept already`
        const hint = 'wait: they are forgotten 30 days after their invite expires'
        throw new KithError('list-full', what, { limit: MAX_PAIRINGS }, { hint })
      }
      await this.#store(key, record)
      this.#givenUp.delete(key)
    }
    if (this.#attempts.has(key)) this.#attempts.get(key)?.wait.abort()
    else this.#begin(key)
    return this.#standing(key, record)
  }

  /**
   * How it stands once more than `after` attempts were made, or there is nothing to wait for.
   *
   * @throws {KithError} `unknown-invite`
   */
  async follow(invite: string, after: number, signal: AbortSignal): Promise<JoinStanding> {
    for (;;) {
      const record = this.#records.get(invite)
      if (record === undefined) throw unknownJoin(invite)
      const standing = this.#standing(invite, record)
      const over = !this.#attempts.has(invite)
      if (over || standing.attempts > after || signal.aborted) return standing
      const { promise, resolve } = Promise.withResolvers<undefined>()
      const wake = (): void => {
        resolve(undefined)
      }
      this.#waiters.add(wake)
      signal.addEventListener('abort', wake, { once: true })
      await promise
      this.#waiters.delete(wake)
      signal.removeEventListener('abort', wake)
    }
  }

  /** Gives up a pairing that is not done; undefined when there is none. What the inviter did stays so. */
  async giveUp(invite: string): Promise<JoinStanding | undefined> {
    const attempts = this.#attempts.get(invite)
    attempts?.stop.abort()
    await attempts?.done
    const record = this.#records.get(invite)
    if (record === undefined) return undefined
    const standing = this.#standing(invite, record)
    // Also one that is paired and could not pin yet: it does that when the node starts again.
    if (record.state.is === 'paired') return standing
    const kept = giveUpJoin(record)
    const write = kept === undefined ? this.#rows.del(invite) : this.#rows.put(invite, kept)
    await this.#parts.database.write([write], { durable: true })
    this.#records.delete(invite)
    if (kept !== undefined) this.#givenUp.set(invite, kept)
    this.#tell()
    return { ...standing, state: 'over' }
  }

  #begin(key: string): void {
    const attempts: Attempts = {
      count: 0,
      stop: new AbortController(),
      wait: new AbortController(),
      done: Promise.resolve(),
    }
    this.#attempts.set(key, attempts)
    attempts.done = this.#run(key, attempts)
  }

  async #run(key: string, attempts: Attempts): Promise<void> {
    const { clock, log } = this.#parts
    const { signal } = attempts.stop
    while (!signal.aborted) {
      const record = this.#records.get(key)
      if (record === undefined || isSettled(record)) break
      if (isOverdue(record, clock.now())) {
        log.warn({ peer: record.name }, 'pairing given up, its invite has expired')
        break
      }
      try {
        await this.#visits.attempt(key, signal)
        delete attempts.lastError
      } catch (err) {
        attempts.lastError = toError(err).message
        log.debug({ peer: record.name, err }, 'pairing not done yet')
      }
      attempts.count++
      const waitMs = joinWaitMs(this.#parts, record.invite.id, attempts.count)
      attempts.nextAt = clock.now() + waitMs
      this.#tell()
      if (attempts.lastError === undefined) break
      attempts.wait = new AbortController()
      await clock.sleep(waitMs, AbortSignal.any([signal, attempts.wait.signal]))
    }
    this.#attempts.delete(key)
    this.#tell()
  }

  /** Ends the wait for the next attempt at this inviter. */
  #wake(id: string): void {
    for (const [key, { wait }] of this.#attempts) {
      if (this.#records.get(key)?.invite.id === id) wait.abort()
    }
  }

  /** One that is pinned already keeps its name. @throws {KithError} `exists`, `usage` */
  #nameFor({ id, name: suggested }: Invite, wanted: string | undefined): string {
    const { pins } = this.#parts
    const known = pins.byId(id)
    if (known !== undefined) return known.pin.name
    const name = wanted ?? suggested
    if (name === undefined) {
      const what = 'the invite suggests no name for its node'
      throw new KithError('usage', what, { what: 'name' }, { hint: 'kith join LINK --name NAME' })
    }
    const pending = [...this.#records.values()].some((other) => {
      return other.name === name && other.invite.id !== id && !isSettled(other)
    })
    if (pins.byName(name) === undefined && !pending) return name
    const what = `${name} is the name of another peer here`
    const hint = 'kith join LINK --name OTHER'
    throw new KithError('exists', what, { what: `peer ${name}` }, { hint })
  }

  #standing(key: string, record: JoinerRecord): JoinStanding {
    return joinStanding(record, this.#attempts.get(key), this.#parts.clock.now())
  }

  async #store(key: string, record: JoinerRecord): Promise<void> {
    await this.#parts.database.write([this.#rows.put(key, record)], { durable: true })
    this.#records.set(key, record)
  }

  async #sweep(): Promise<void> {
    const { clock, database } = this.#parts
    const old = [...this.#records, ...this.#givenUp].filter(([key, record]) => {
      return record.invite.exp + PAIRING_KEPT_MS <= clock.now() && !this.#attempts.has(key)
    })
    if (old.length === 0) return
    for (const [key] of old) {
      this.#records.delete(key)
      this.#givenUp.delete(key)
    }
    await database.write(
      old.map(([key]) => this.#rows.del(key)),
      { durable: false },
    )
  }

  #tell(): void {
    for (const wake of this.#waiters) wake()
  }
}

function unknownJoin(invite: string): KithError<'unknown-invite'> {
  const hint = 'kith invites list'
  return new KithError(
    'unknown-invite',
    `no invite ${invite} is redeemed here`,
    { invite },
    { hint },
  )
}
