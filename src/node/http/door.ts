import type { HttpBindings } from '@hono/node-server'
import type { MiddlewareHandler } from 'hono'
import { getCookie } from 'hono/cookie'
import { KithError } from '../../protocol/errors.ts'
import { decideRate, perMinute } from '../../protocol/rate.ts'
import type { Clock } from '../clock.ts'
import type { HttpDoor } from './http-host.ts'
import { OWNER, covers } from './principal.ts'
import type { Principal, Scope } from './principal.ts'
import { checkRequest } from './request-checks.ts'

/** What goes with a request through all that handles it. */
export interface HttpEnv {
  Bindings: HttpBindings
  Variables: { principal: Principal | undefined }
}

/** Cookies are not kept apart by port, and two nodes of one machine have two pages. */
export function loginCookie(socket: { localPort?: number | undefined }): string {
  return `kith-${socket.localPort ?? 0}`
}
export const PAGE_HEADER = 'X-Kith-Page'

/** Wrong tokens and codes that are answered one by one; then all of them wait. A right one never does. */
const WRONG = perMinute(20)

/** What every reply says to a browser: nobody frames it, guesses its type, keeps it or runs a script from elsewhere. */
const HEADERS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

/** Sets the headers of every reply, and refuses what was not meant for this node. */
export function checksRequest({ allowedHosts }: HttpDoor): MiddlewareHandler<HttpEnv> {
  return async (context, next) => {
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value)
    const { socket } = context.env.incoming
    checkRequest(
      {
        host: context.req.header('host'),
        origin: context.req.header('origin'),
        fetchSite: context.req.header('sec-fetch-site'),
        opensPage:
          context.req.method === 'GET' &&
          context.req.path === '/' &&
          context.req.header('sec-fetch-mode') === 'navigate',
      },
      { address: socket.localAddress ?? '', port: socket.localPort ?? 0, allowedHosts },
    )
    await next()
  }
}

/** Finds out who sends a request. One without any proof goes on as nobody's; one with a wrong one does not. */
export function knowsPrincipal(door: HttpDoor, wrong: WrongTries): MiddlewareHandler<HttpEnv> {
  return async (context, next) => {
    const { socket } = context.env.incoming
    const bearer = /^Bearer +(\S+)$/i.exec(context.req.header('authorization') ?? '')?.[1]
    const page = context.req.header(PAGE_HEADER)
    if (bearer !== undefined) {
      const principal = door.tokens.holder(bearer)
      if (principal?.kind !== 'token') throw wrong.refusal('the token is not in force')
      door.hold(socket, `token ${principal.id}`)
      context.set('principal', principal)
    } else if (page !== undefined) {
      const session = door.logins.sessionOf(getCookie(context, loginCookie(socket)) ?? '', page)
      if (session === undefined) throw wrong.refusal('the page is no longer logged in')
      door.hold(socket, `login ${session}`)
      context.set('principal', OWNER)
    }
    await next()
  }
}

/** Says nothing of what has broken, which may name files of ours, to whoever may not see how this node is. */
export function hidesFaults(): MiddlewareHandler<HttpEnv> {
  return async (context, next) => {
    await next()
    const principal = context.get('principal')
    if (context.res.status !== 500 || (principal !== undefined && covers(principal, 'read'))) return
    const error = { code: 'internal', message: 'something is broken here', details: {} }
    context.res = context.json({ error: { ...error, fromPeer: false } }, 500)
  }
}

/** Lets nobody through whose right covers none of `scopes`. @throws {KithError} `unauthorized`, `out-of-scope` */
export function needs(...scopes: readonly Scope[]): MiddlewareHandler<HttpEnv> {
  return async (context, next) => {
    assertCovers(context.get('principal'), ...scopes)
    await next()
  }
}

/** @throws {KithError} `unauthorized`, `out-of-scope` */
export function assertCovers(
  principal: Principal | undefined,
  ...scopes: readonly Scope[]
): asserts principal is Principal {
  if (principal === undefined) throw unauthorized('a token is needed')
  if (scopes.some((scope) => covers(principal, scope))) return
  const [scope = 'admin'] = scopes
  const hint = `kith token create NAME --scope ${scope}`
  throw new KithError('out-of-scope', `this needs a token of scope ${scope}`, { scope }, { hint })
}

/** Bounds what is tried without a right, so that a thousand tries write no thousand answers. */
export class WrongTries {
  readonly #clock: Pick<Clock, 'now'>
  #cell: number | undefined

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** What one more gets. */
  refusal(what: string): KithError {
    const decision = decideRate(WRONG, this.#cell, this.#clock.now())
    if (!decision.allowed) {
      const { retryAfterMs } = decision
      return new KithError('rate-limited', 'too many wrong tries', { retryAfterMs })
    }
    this.#cell = decision.cell
    return unauthorized(what)
  }
}

function unauthorized(what: string): KithError<'unauthorized'> {
  const hint = 'kith dashboard, or: kith token create NAME --scope read'
  return new KithError('unauthorized', what, {}, { hint })
}
