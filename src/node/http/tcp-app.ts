import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { MiddlewareHandler } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { z } from 'zod'
import { addBounds, addControlRoutes, readJson, ROUTE_NAMES } from '../control/app.ts'
import type { ControlComponents } from '../control/app.ts'
import { answerNotFound } from '../control/answers.ts'
import { ROUTES } from '../control/api.ts'
import type { RouteName } from '../control/api.ts'
import type { KithNode } from '../node.ts'
import { CostlyReads } from './costly-reads.ts'
import {
  PAGE_HEADER,
  WrongTries,
  assertCovers,
  checksRequest,
  hidesFaults,
  knowsPrincipal,
  loginCookie,
  needs,
} from './door.ts'
import type { HttpEnv } from './door.ts'
import type { HttpDoor } from './http-host.ts'
import { addHttpRoutes } from './http-app.ts'
import { principalName } from './principal.ts'
import { READ_ROUTES, SOCKET_ROUTES } from './scopes.ts'
import type { RequestListener } from './tcp-server.ts'

export interface TcpAppComponents extends ControlComponents {
  node: KithNode
}

type DashboardFiles = ReadonlyMap<string, { type: string; body: Uint8Array }>

const loginBody = z.strictObject({ code: z.string().min(1).max(128) })

/** What answers requests over TCP: those that come with a right, and a few that need none. */
export function tcpListener(components: TcpAppComponents, door: HttpDoor): RequestListener {
  const listener = getRequestListener(tcpApp(components, door).fetch)
  return (request, response) => {
    void listener(request, response)
  }
}

function tcpApp(components: TcpAppComponents, door: HttpDoor): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>()
  const { node } = components
  const wrong = new WrongTries(node.clock)
  const costly = new CostlyReads(node.clock)
  app.use(hidesFaults())
  addBounds(app)
  app.use(checksRequest(door))
  app.use(knowsPrincipal(door, wrong))
  addLogin(app, door, wrong)
  for (const name of ROUTE_NAMES) {
    const { method, path } = ROUTES[name]
    if (SOCKET_ROUTES.has(name)) app.on(method, path, answerNotFound)
    else {
      const scope = READ_ROUTES.has(name) ? 'read' : 'admin'
      app.on(method, path, needs(scope), costly.bounds(name), notes(name, node))
    }
  }
  addControlRoutes(app, components, door.stop)
  addHttpRoutes(app, node, door.stop)
  addPage(app)
  return app
}

/** Writes down what the holder of a token changes: handlers take whoever calls them for the owner. */
function notes(name: RouteName, { audit }: Pick<KithNode, 'audit'>): MiddlewareHandler<HttpEnv> {
  return async (context, next) => {
    const principal = context.get('principal')
    if (context.req.method === 'POST' && principal?.kind === 'token') {
      audit.calledBy(principalName(principal), name)
    }
    await next()
  }
}

/** The files of the dashboard, which hold no secrets: what they show, they ask for. */
function addPage(app: Hono<HttpEnv>): void {
  let files: DashboardFiles | undefined
  app.get('*', async (context) => {
    files ??= await (await import('./dashboard/files.ts')).dashboardFiles()
    const file = files.get(context.req.path)
    if (file === undefined) return answerNotFound(context)
    context.header('Cache-Control', 'no-cache')
    return context.body(new Uint8Array(file.body), 200, { 'Content-Type': file.type })
  })
}

/** The way of a browser in and out. */
function addLogin(app: Hono<HttpEnv>, { logins }: HttpDoor, wrong: WrongTries): void {
  app.post('/login', async (context) => {
    const parsed = loginBody.safeParse(await readJson(context))
    const login = parsed.success
      ? await logins.redeem(parsed.data.code, context.env.incoming.socket.localPort ?? 0)
      : undefined
    if (login === undefined) throw wrong.refusal('this link was used, or is too old')
    const { cookie, expiresAt, page } = login
    setCookie(context, loginCookie(context.env.incoming.socket), cookie, {
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
      expires: new Date(expiresAt),
    })
    return context.json({ page, scope: 'admin', expiresAt })
  })
  app.post('/logout', async (context) => {
    assertCovers(context.get('principal'), 'admin')
    const page = context.req.header(PAGE_HEADER) ?? ''
    const name = loginCookie(context.env.incoming.socket)
    const key = logins.sessionOf(getCookie(context, name) ?? '', page)
    if (key !== undefined) await logins.end(key)
    deleteCookie(context, name, { path: '/' })
    return context.json({})
  })
}
