import { hash, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { KithError } from '../../protocol/errors.ts'
import { STANDARD_PRESETS, bytes } from '../../protocol/verbs.ts'
import type { Database } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import type { Clock } from '../clock.ts'
import { SCOPES } from './principal.ts'
import type { Principal, Scope } from './principal.ts'

/** Of an id, which finds the token, and of its secret, which nobody guesses. */
const ID_BYTES = 6
const SECRET_BYTES = 32

const MAX_TOKENS = 64

/** The time of the last use is on disk after this long at most. */
const USE_WRITE_MS = 60_000

const time = z.int()

const tokenRecord = z.strictObject({
  /** Twelve hex digits, the first part of what its holder sends. */
  id: z.string(),
  name: z.string(),
  scope: z.enum(SCOPES),
  /** Most that the tools of its tasks may do. */
  preset: z.enum(STANDARD_PRESETS),
  /** SHA-256 of the secret. A hash for passwords would add nothing: the secret has 256 bits. */
  hash: bytes,
  createdAt: time,
  expiresAt: z.exactOptional(time),
  lastUsedAt: z.exactOptional(time),
})

/** A token, without what proves that somebody holds it. */
export type Token = Omit<z.infer<typeof tokenRecord>, 'hash'>

export interface TokensComponents {
  database: Database
  clock: Pick<Clock, 'now'>
  randomBytes: (count: number) => Uint8Array
}

/** Tokens by which programs reach this node over HTTP: what is kept of each can prove one, and cannot make one. */
export class Tokens {
  readonly #components: TokensComponents
  readonly #rows: Repository<z.infer<typeof tokenRecord>>
  readonly #tokens = new Map<string, z.infer<typeof tokenRecord>>()
  readonly #listeners = new Set<() => void>()

  private constructor(components: TokensComponents) {
    this.#components = components
    this.#rows = new Repository(components.database, 'http-tokens', tokenRecord)
  }

  static async open(components: TokensComponents): Promise<Tokens> {
    const tokens = new Tokens(components)
    for await (const row of tokens.#rows.values()) tokens.#tokens.set(row.id, row)
    return tokens
  }

  /** Those that are kept, by name. One that has expired stays until it is revoked, so that its holder is told why. */
  list(): Token[] {
    return [...this.#tokens.values()].map(shown).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** How many of them are in force. */
  get live(): number {
    return [...this.#tokens.values()].filter((token) => !this.#expired(token)).length
  }

  /**
   * A new token, and the text that its holder sends: it is shown this once. On disk when this resolves.
   *
   * @throws {KithError} `exists` for a name that is taken, `list-full`
   */
  async create(init: {
    name: string
    scope: Scope
    preset: Token['preset']
    expiresAt?: number | undefined
  }): Promise<{ token: Token; text: string }> {
    const { clock, database, randomBytes } = this.#components
    const { expiresAt, name, preset, scope } = init
    if ([...this.#tokens.values()].some((token) => token.name === name)) {
      const hint = `kith token revoke ${name}`
      throw new KithError('exists', `there is a token ${name}`, { what: name }, { hint })
    }
    if (this.#tokens.size >= MAX_TOKENS) {
      const details = { limit: MAX_TOKENS }
      throw new KithError('list-full', `${MAX_TOKENS} tokens are kept, and no more`, details)
    }
    const id = Buffer.from(randomBytes(ID_BYTES)).toString('hex')
    const secret = Buffer.from(randomBytes(SECRET_BYTES)).toString('base64url')
    const row = {
      ...{ id, name, scope, preset, hash: digest(secret), createdAt: clock.now() },
      ...(expiresAt === undefined ? {} : { expiresAt }),
    }
    this.#tokens.set(id, row)
    await database.write([this.#rows.put(id, row)], { durable: true })
    return { token: shown(row), text: `kith_${id}_${secret}` }
  }

  /** Ends a token, by its name or its id, at once and on disk when this resolves. @throws {KithError} `unknown-token` */
  async revoke(which: string): Promise<Token> {
    const row = [...this.#tokens.values()].find(({ id, name }) => name === which || id === which)
    if (row === undefined) {
      const hint = 'kith token list'
      throw new KithError('unknown-token', `no token ${which}`, { token: which }, { hint })
    }
    this.#tokens.delete(row.id)
    for (const listener of this.#listeners) listener()
    await this.#components.database.write([this.#rows.del(row.id)], { durable: true })
    return shown(row)
  }

  /** Who sends this text; undefined for anybody but the holder of a token in force. Notes the use. */
  holder(text: string): Principal | undefined {
    const [, id = '', secret = ''] = /^kith_([0-9a-f]{12})_([\w-]{43})$/.exec(text) ?? []
    const row = this.#tokens.get(id)
    if (row === undefined || !timingSafeEqual(digest(secret), row.hash)) return undefined
    if (this.#expired(row)) return undefined
    this.#noteUse(row)
    const { name, preset, scope } = row
    return { kind: 'token', id, name, scope, preset }
  }

  /** True while this token is in force. */
  holds(id: string): boolean {
    const row = this.#tokens.get(id)
    return row !== undefined && !this.#expired(row)
  }

  /** Calls `listener` when one was revoked, until the returned function is called. */
  onRevoke(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  #expired({ expiresAt }: Pick<Token, 'expiresAt'>): boolean {
    return expiresAt !== undefined && expiresAt <= this.#components.clock.now()
  }

  #noteUse(row: z.infer<typeof tokenRecord>): void {
    const { clock, database } = this.#components
    const now = clock.now()
    const writtenAt = row.lastUsedAt ?? 0
    if (now - writtenAt < USE_WRITE_MS) return
    const used = { ...row, lastUsedAt: now }
    this.#tokens.set(row.id, used)
    // A store that takes no more writes says so elsewhere; the token is right all the same.
    database.write([this.#rows.put(row.id, used)], { durable: false }).catch(() => undefined)
  }
}

function digest(secret: string): Uint8Array {
  return new Uint8Array(hash('sha256', secret, 'buffer'))
}

function shown({ createdAt, expiresAt, id, lastUsedAt, name, preset, scope }: Token): Token {
  return {
    ...{ id, name, scope, preset, createdAt },
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
  }
}
