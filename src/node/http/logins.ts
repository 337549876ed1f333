import { hash, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { bytes } from '../../protocol/verbs.ts'
import type { Database } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import type { Clock } from '../clock.ts'

/** Of a code, of a cookie and of the secret of a page. */
const SECRET_BYTES = 32

/** A code is good for so long, and once. */
const CODE_TTL_MS = 300_000

/** Whoever has the page open for longer asks for it again. */
const SESSION_TTL_MS = 12 * 3_600_000

const MAX_CODES = 8
const MAX_SESSIONS = 8

/** What a browser has after it came with a code: a cookie that no script reads, and a secret that no cookie holds. */
export interface Login {
  cookie: string
  page: string
  expiresAt: number
}

/** By the hash of its cookie. */
const sessionRow = z.strictObject({
  /** SHA-256 of the secret of the page. */
  page: bytes,
  expiresAt: z.int(),
  /** Where the page was: it looks for this node there after a restart. */
  port: z.int(),
})
type Session = z.infer<typeof sessionRow>

export interface LoginsComponents {
  database: Database
  clock: Pick<Clock, 'now'>
  randomBytes: (count: number) => Uint8Array
}

/**
 * Browsers of the owner. A cookie goes to every port of a host, so it counts only together with the secret that the
 * page keeps for its own origin. A login outlives a restart; nothing that is kept can make one.
 */
export class Logins {
  readonly #components: LoginsComponents
  readonly #rows: Repository<Session>
  /** When each code ends, by its hash. */
  readonly #codes = new Map<string, number>()
  readonly #sessions = new Map<string, Session>()

  private constructor(components: LoginsComponents) {
    this.#components = components
    this.#rows = new Repository(components.database, 'http-logins', sessionRow)
  }

  static async open(components: LoginsComponents): Promise<Logins> {
    const logins = new Logins(components)
    for await (const [key, session] of logins.#rows.entries()) logins.#sessions.set(key, session)
    return logins
  }

  /** Where a page of a login in force was last; undefined when there is none. */
  get port(): number | undefined {
    return [...this.#sessions].findLast(([key]) => this.holds(key))?.[1].port
  }

  /** A code by which a browser can log in once, for a few minutes. */
  code(): string {
    const code = this.#secret()
    this.#codes.set(keyOf(code), this.#components.clock.now() + CODE_TTL_MS)
    for (const key of oldest(this.#codes, MAX_CODES)) this.#codes.delete(key)
    return code
  }

  /** The login for a code that came in on `port`; undefined for one that was used, is too old or was never given out. */
  async redeem(code: string, port: number): Promise<Login | undefined> {
    const { clock, database } = this.#components
    const now = clock.now()
    const endsAt = this.#codes.get(keyOf(code))
    this.#codes.delete(keyOf(code))
    if (endsAt === undefined || endsAt <= now) return undefined
    const login = { cookie: this.#secret(), page: this.#secret(), expiresAt: now + SESSION_TTL_MS }
    const key = keyOf(login.cookie)
    const session = { page: digest(login.page), expiresAt: login.expiresAt, port }
    this.#sessions.set(key, session)
    const over = [...this.#sessions.keys()].filter((each) => !this.holds(each))
    const ended = new Set([...over, ...oldest(this.#sessions, MAX_SESSIONS)])
    for (const each of ended) this.#sessions.delete(each)
    const removals = Array.from(ended, (each) => this.#rows.del(each))
    await database.write([...removals, this.#rows.put(key, session)], { durable: true })
    return login
  }

  /** The key of the session that both belong to, while it lasts. */
  sessionOf(cookie: string, page: string): string | undefined {
    const key = keyOf(cookie)
    const session = this.#sessions.get(key)
    if (session === undefined || !this.holds(key)) return undefined
    return timingSafeEqual(session.page, digest(page)) ? key : undefined
  }

  /** True while this session lasts. */
  holds(key: string): boolean {
    return (this.#sessions.get(key)?.expiresAt ?? 0) > this.#components.clock.now()
  }

  /** On disk when this resolves. */
  async end(key: string): Promise<void> {
    this.#sessions.delete(key)
    await this.#components.database.write([this.#rows.del(key)], { durable: true })
  }

  /** Logs all browsers out. On disk when this resolves. */
  async endAll(): Promise<void> {
    const keys = [...this.#sessions.keys()]
    this.#sessions.clear()
    const ends = keys.map((key) => this.#rows.del(key))
    await this.#components.database.write(ends, { durable: true })
  }

  #secret(): string {
    return Buffer.from(this.#components.randomBytes(SECRET_BYTES)).toString('base64url')
  }
}

/** Nothing is looked up by a secret itself, so that no comparison tells by its time how much of one was right. */
function keyOf(secret: string): string {
  return hash('sha256', secret, 'hex')
}

function digest(secret: string): Uint8Array {
  return new Uint8Array(hash('sha256', secret, 'buffer'))
}

/** The keys of those that are more than `limit`. */
function oldest(map: ReadonlyMap<string, unknown>, limit: number): string[] {
  return [...map.keys()].slice(0, Math.max(0, map.size - limit))
}
