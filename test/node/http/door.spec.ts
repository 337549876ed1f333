import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROUTES } from '../../../src/node/control/api.ts'
import { openThings } from '../../../src/node/health/open-things.ts'
import type { Scope } from '../../../src/node/http/principal.ts'
import { READ_ROUTES, SOCKET_ROUTES } from '../../../src/node/http/scopes.ts'
import type { KithNode } from '../../../src/node/node.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { HttpNode } from '../../helpers/http-node.ts'
import { ROUTE_NAMES } from '../../helpers/control.ts'
import { OpenNodes, openNodes } from '../../helpers/open-node.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'

interface Reply {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
}

describe('http door', () => {
  const all = openNodes()
  let nodes: OpenNodes
  let node: KithNode
  let http: HttpNode
  let clock: ManualClock

  beforeEach(async () => {
    nodes = all()
    clock = new ManualClock(Date.now())
    node = await openDoor(nodes, clock)
    http = new HttpNode(node)
    await http.start()
  })
  afterEach(() => http.stop())

  const send = sender(() => http.url)

  function port(): string {
    return new URL(http.url).port
  }

  describe('tokens', () => {
    it('F44: lets nobody in without one', async () => {
      for (const path of ['/v1/status', '/metrics', '/openapi.json', '/api/tasks']) {
        const { headers, status, text } = await send(path)
        assert.equal(status, 401, path)
        assert.match(text, /kith token create/)
        assert.equal(headers['www-authenticate'], 'Bearer')
      }
    })

    it('F44: lets in whoever holds one, and notes when', async () => {
      const { status } = await send('/v1/peers', await http.token('read'))
      assert.equal(status, 200)
      assert.equal(node.http.tokens.list()[0]?.lastUsedAt, clock.now())
    })

    const wrong = (text: string): [string, string][] => [
      ['a secret with one letter changed', `${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`],
      ['an id with one digit changed', text.replace(/_./, (at) => (at === '_0' ? '_1' : '_0'))],
      ['no secret', text.slice(0, text.lastIndexOf('_') + 1)],
      ['a secret that is too long', `${text}A`],
      ['another scheme', 'x'],
    ]
    it('F44: lets in nobody whose token differs anywhere', async () => {
      const { authorization } = await http.token('admin')
      for (const [what, text] of wrong(authorization.replace('Bearer ', ''))) {
        const { status } = await send('/v1/status', { authorization: `Bearer ${text}` })
        assert.equal(status, 401, what)
      }
      assert.equal((await send('/v1/status', { authorization })).status, 200)
    })

    it('F44: ends one at its time', async () => {
      const { text } = await node.http.tokens.create({
        ...{ name: 'short', scope: 'read', preset: 'none' },
        expiresAt: clock.now() + 1_000,
      })
      const headers = { authorization: `Bearer ${text}` }
      assert.equal((await send('/v1/peers', headers)).status, 200)
      clock.advance(1_000)
      assert.equal((await send('/v1/peers', headers)).status, 401)
    })

    it('F44: ends one that is revoked at once, and the streams that it opened', async () => {
      const headers = await http.token('read', 'ci')
      const response = await fetch(`${http.url}/v1/alerts/events`, { headers })
      assert.equal(response.status, 200)
      const reading = response.text()
      await node.http.tokens.revoke('ci')
      await assert.rejects(reading)
      assert.equal((await send('/v1/peers', headers)).status, 401)
    })

    it('F44: leaves the streams of others alone', async () => {
      const mine = await http.token('read', 'mine')
      const abort = new AbortController()
      const response = await fetch(`${http.url}/v1/alerts/events`, {
        headers: mine,
        signal: abort.signal,
      })
      await http.token('read', 'other')
      await node.http.tokens.revoke('other')
      node.alerts.raise({ kind: 'budget', what: 'spent', hint: 'kith budget' })
      const reader = response.body?.getReader()
      const { value } = (await reader?.read()) ?? {}
      assert.match(Buffer.from(value ?? []).toString(), /spent/)
      abort.abort()
    })

    it('answers a wrong one with 429 after twenty a minute, and the right one all the same', async () => {
      const right = await http.token('read')
      const wrong = { authorization: `Bearer kith_000000000000_${'A'.repeat(43)}` }
      const statuses: number[] = []
      for (let i = 0; i < 21; i++) statuses.push((await send('/v1/status', wrong)).status)
      assert.deepEqual(new Set(statuses.slice(0, 20)), new Set([401]))
      const last = await send('/v1/status', wrong)
      assert.equal(last.status, 429)
      assert.ok(Number(last.headers['retry-after']) > 0)
      assert.equal((await send('/v1/peers', right)).status, 200)
      clock.advance(60_000)
      assert.equal((await send('/v1/status', wrong)).status, 401)
    })
  })

  describe('scopes', () => {
    it('F55: writes down what the holder of a token changes', async () => {
      const headers = { ...(await http.token('admin', 'boss')), 'content-type': 'application/json' }
      const body = JSON.stringify({ text: 'likes tea' })
      assert.equal((await send('/v1/memory', headers, { method: 'POST', body })).status, 200)
      await node.audit.flush()
      const told = await Array.fromAsync(
        node.audit.journal.read(),
        ({ body: { who, what } }) => `${who} ${what}`,
      )
      assert.ok(told.includes('token boss called addNote'), told.join('\n'))
    })

    it('F55: counts what one token does a thousand times, and keeps the log for what else there is', async () => {
      const headers = { ...(await http.token('admin', 'boss')), 'content-type': 'application/json' }
      const init = { method: 'POST', body: '{}' }
      for (let i = 0; i < 200; i++) await send('/v1/jobs/run-due', headers, init)
      await node.audit.stop()
      const told = (await Array.fromAsync(node.audit.journal.read())).map(({ body }) => body)
      const boss = told.filter(({ who }) => who === 'token boss')
      assert.deepEqual([boss.length, boss.at(-1)?.what], [61, 'made 140 calls'])
      assert.deepEqual(boss.at(-1)?.details, { runDue: 140 })
    })

    for (const path of [
      '/v1/fleet?fresh=true&timeoutMs=100',
      '/v1/audit/verify',
      '/v1/audit/witnesses',
    ]) {
      it(`makes the node work for one that reads ${path} twelve times a minute, and for the owner as often as they like`, async () => {
        const [reader, admin] = [await http.token('read'), await http.token('admin')]
        const statuses = async (headers: Record<string, string>): Promise<number[]> => {
          const all: number[] = []
          for (let i = 0; i < 13; i++) all.push((await send(path, headers)).status)
          return all
        }
        assert.deepEqual(await statuses(reader), [...Array<number>(12).fill(200), 429])
        assert.deepEqual(new Set(await statuses(admin)), new Set([200]))
        assert.equal((await send('/v1/fleet', reader)).status, 200)
      })
    }

    it('F44: tells what has broken to those who may see how the node is, and to no others', async () => {
      const [read, tasks] = [await http.token('read'), await http.token('tasks')]
      const told = async (token: Record<string, string>): Promise<string> => {
        const { status, text } = await send('/api/tasks', token)
        assert.equal(status, 500)
        return text
      }
      for (const err of [
        new Error('EACCES: /home/x/store'),
        new KithError('store-failed', 'no writes to /home/x/store', { folder: '/home/x/store' }),
      ]) {
        node.http.tasks.list = () => Promise.reject(err)
        assert.match(await told(read), new RegExp(err.message))
        const hidden = await told(tasks)
        assert.match(hidden, /"message":"something is broken here"/)
        assert.doesNotMatch(hidden, /home/)
      }
      // Not even a request can be made of this one.
      const url = new URL(http.url)
      const path = `http://u:p@${url.host}/live`
      const sent = request({ host: url.hostname, port: url.port, path, agent: false }).end()
      const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage]
      const text = (await Array.fromAsync(response.setEncoding('utf8'))).join('')
      assert.match(text, /"message":"something is broken here"/)
    })
  })

  describe('requests of others', () => {
    it('lets a link of another site open the page, and nothing else', async () => {
      const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
      assert.equal((await send('/', headers)).status, 200)
      assert.equal((await send('/health', headers)).status, 403)
      assert.equal((await send('/login', headers, { method: 'POST', body: '{}' })).status, 403)
    })

    it('tells no browser that another site may read an answer', async () => {
      const reply = await send('/v1/peers', {}, { method: 'OPTIONS' })
      assert.equal(reply.status, 404)
      assert.equal(reply.headers['access-control-allow-origin'], undefined)
    })

    it('says in every reply that nobody may frame, sniff or keep it', async () => {
      for (const path of ['/health', '/nowhere', '/v1/status', '/']) {
        const { headers } = await send(path)
        assert.match(
          String(headers['content-security-policy']),
          /default-src 'self'.*frame-ancestors 'none'/,
        )
        assert.equal(headers['x-content-type-options'], 'nosniff')
        assert.equal(headers['x-frame-options'], 'DENY')
        assert.equal(headers['cache-control'], path === '/' ? 'no-cache' : 'no-store')
      }
    })
  })

  describe('the page', () => {
    it('keeps the cookie of another node of this machine apart', async () => {
      const other = await nodes.open('other')
      const second = new HttpNode(other)
      await second.start()
      const [one, two] = [await http.login(), await second.login()]
      // A browser sends both to both.
      const cookie = `${one.cookie}; ${two.cookie}`
      assert.equal((await send('/v1/status', { ...one, cookie })).status, 200)
      assert.equal(
        (await fetch(`${second.url}/v1/peers`, { headers: { ...two, cookie } })).status,
        200,
      )
      assert.equal((await send('/v1/status', { ...two, cookie })).status, 401)
      await second.stop()
    })

    it('logs in once with a code', async () => {
      const link = new URL(await node.http.dashboard())
      const code = link.hash.replace('#code=', '')
      const login = async (): Promise<Reply> =>
        await send(
          '/login',
          { 'content-type': 'application/json' },
          { method: 'POST', body: JSON.stringify({ code }) },
        )
      const { headers, status } = await login()
      assert.equal(status, 200)
      const [cookie = ''] = headers['set-cookie'] ?? []
      assert.match(cookie, /HttpOnly/)
      assert.match(cookie, /SameSite=Strict/)
      assert.equal((await login()).status, 401)
    })

    it('cannot log in with a code that is five minutes old', async () => {
      const link = new URL(await node.http.dashboard())
      clock.advance(300_000)
      const body = JSON.stringify({ code: link.hash.replace('#code=', '') })
      const headers = { 'content-type': 'application/json' }
      assert.equal((await send('/login', headers, { method: 'POST', body })).status, 401)
    })

    it('counts with cookie and header together, and with neither alone', async () => {
      const headers = await http.login()
      assert.equal((await send('/v1/status', headers)).status, 200)
      assert.equal((await send('/v1/status', { cookie: headers.cookie })).status, 401)
      assert.equal(
        (await send('/v1/status', { 'x-kith-page': headers['x-kith-page'] })).status,
        401,
      )
      const other = await http.login()
      const mixed = { cookie: headers.cookie, 'x-kith-page': other['x-kith-page'] }
      assert.equal((await send('/v1/status', mixed)).status, 401)
    })

    it('is logged out by itself after twelve hours, and by its owner before', async () => {
      const first = await http.login()
      await send('/logout', first, { method: 'POST' })
      assert.equal((await send('/v1/status', first)).status, 401)
      const second = await http.login()
      clock.advance(12 * 3_600_000)
      assert.equal((await send('/v1/status', second)).status, 401)
    })

    it('comes back after a restart where it was', async () => {
      const headers = await http.login()
      const before = http.url
      await http.stop()
      await nodes.stop(node)
      node = await nodes.open('node', { around: (surroundings) => ({ ...surroundings, clock }) })
      http = new HttpNode(node)
      await http.start()
      assert.equal(http.url, before)
      assert.equal((await send('/v1/status', headers)).status, 200)
    })
  })

  describe('the page of a node whose port somebody else has taken', () => {
    it('is logged out, also once the port is free again', async () => {
      const headers = await http.login()
      const taken = Number(port())
      await http.stop()
      await nodes.stop(node)
      const thief = createServer().listen(taken, '127.0.0.1')
      await once(thief, 'listening')
      node = await nodes.open('node', { around: (surroundings) => ({ ...surroundings, clock }) })
      http = new HttpNode(node)
      await http.start()
      assert.equal(node.http.state.listening, undefined)
      thief.close()
      await once(thief, 'close')
      http.url = new URL(await node.http.dashboard()).origin
      assert.equal((await send('/v1/status', headers)).status, 401)
    })
  })

  describe('bounds', () => {
    async function raw(): Promise<Socket> {
      const socket = connect({ host: '127.0.0.1', port: Number(port()) })
      await once(socket, 'connect')
      return socket
    }

    it('takes no head beyond 16 KiB', async () => {
      const { status } = await send('/health', { 'x-long': 'x'.repeat(17_000) })
      assert.equal(status, 431)
    })

    it('takes no body beyond 2 MiB', async () => {
      const headers = { ...(await http.token('tasks')), 'content-type': 'application/json' }
      const body = JSON.stringify({ text: 'x'.repeat(2_097_152) })
      assert.equal((await send('/api/tasks', headers, { method: 'POST', body })).status, 413)
    })

    it('hangs up on one that sends its head too slowly', async () => {
      const socket = await raw()
      socket.write('GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n')
      const text = (await Array.fromAsync(socket.setEncoding('utf8'))).join('')
      assert.match(text, /^HTTP\/1\.1 408 /)
    }).timeout(15_000)

    it('lets in whoever comes while strangers hold 64 connections, in place of the oldest', async () => {
      const headers = await http.token('read')
      const sockets: Socket[] = []
      for (let i = 0; i < 64; i++) sockets.push(await raw())
      const [oldest, ...others] = sockets
      const gone = once(oldest?.resume() ?? assert.fail(), 'close')
      assert.equal((await send('/v1/peers', headers)).status, 200)
      await gone
      assert.equal(others.filter(({ closed }) => closed).length, 0)
      assert.equal(node.http.state.connections.displaced, 1)
      for (const socket of sockets) socket.destroy()
    })

    it('lets in others while the holder of one token has 64 streams, in place of its oldest', async () => {
      const greedy = await http.token('read', 'greedy')
      const mine = await http.token('read', 'mine')
      const abort = new AbortController()
      const open = async (headers: Record<string, string>): Promise<Response> =>
        await fetch(`${http.url}/v1/alerts/events`, { headers, signal: abort.signal })
      const first = await open(mine)
      const streams: Response[] = []
      for (let i = 0; i < 63; i++) streams.push(await open(greedy))
      const ended = assert.rejects(streams[0]?.text() ?? assert.fail())
      assert.equal((await send('/v1/peers', mine)).status, 200)
      await ended
      // Whoever holds few keeps them.
      node.alerts.raise({ kind: 'budget', what: 'spent', hint: 'kith budget' })
      const { value } = (await first.body?.getReader().read()) ?? {}
      assert.match(Buffer.from(value ?? []).toString(), /spent/)
      abort.abort()
    })

    it('leaves nothing behind for whoever asks for the head of a stream', async () => {
      const headers = await http.token('read')
      const heads = async (): Promise<void> => {
        const {
          headers: told,
          status,
          text,
        } = await send('/v1/alerts/events', headers, {
          method: 'HEAD',
        })
        assert.deepEqual([status, told['content-type'], text], [200, 'text/event-stream', ''])
      }
      await heads()
      const before = openThings()['timers']?.open ?? 0
      for (let i = 0; i < 10; i++) await heads()
      assert.ok((openThings()['timers']?.open ?? 0) < before + 5)
    })
  })
})

describe('http door, of one node for all who knock', () => {
  let folder: string
  let nodes: OpenNodes
  let http: HttpNode
  let clock: ManualClock
  let tokens: Record<Scope, { authorization: string }>
  const send = sender(() => http.url)

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kith-door-'))
    nodes = new OpenNodes(folder)
    clock = new ManualClock(Date.now())
    http = new HttpNode(await openDoor(nodes, clock))
    await http.start()
    const [read, tasks, admin] = [
      await http.token('read'),
      await http.token('tasks'),
      await http.token('admin'),
    ]
    tokens = { read, tasks, admin }
  })
  // Who knocks too often in a minute hears something else.
  beforeEach(() => {
    clock.advance(60_000)
  })
  after(async () => {
    await http.stop()
    await nodes.stopAll()
    await rm(folder, { recursive: true })
  })

  function port(): string {
    return new URL(http.url).port
  }

  for (const name of ROUTE_NAMES) {
    const wanted = SOCKET_ROUTES.has(name) ? 404 : READ_ROUTES.has(name) ? 'read' : 'admin'
    it(`F44: ${name} is ${wanted === 404 ? 'for the unix socket alone' : `for ${wanted}`}`, async () => {
      const { method, path } = ROUTES[name]
      const filled = path.replaceAll(/:\w+/g, 'x')
      // A key that no route knows: whoever is let in is told so.
      const probe = (headers: Record<string, string>): Promise<Reply> =>
        method === 'GET'
          ? send(`${filled}?extra=1`, headers)
          : send(
              filled,
              { ...headers, 'content-type': 'application/json' },
              { method, body: '{"extra":1}' },
            )
      const statuses = []
      for (const scope of ['tasks', 'read', 'admin'] as const) {
        statuses.push((await probe(tokens[scope])).status)
      }
      const expected =
        wanted === 404 ? [404, 404, 404] : wanted === 'read' ? [403, 400, 400] : [403, 403, 400]
      assert.deepEqual(statuses, expected)
      assert.equal((await probe({})).status, wanted === 404 ? 404 : 401)
    })
  }

  const hosts: [host: string, status: number][] = [
    ['127.0.0.1:PORT', 200],
    ['localhost:PORT', 200],
    ['LOCALHOST:PORT', 200],
    ['[::1]:PORT', 200],
    ['127.8.8.8:PORT', 200],
    ['kith.example', 200],
    ['kith.example:443', 200],
    ['127.0.0.1', 403],
    ['127.0.0.1:1', 403],
    ['evil.example:PORT', 403],
    ['127.0.0.1.evil.example:PORT', 403],
    ['localhost.evil.example:PORT', 403],
    ['8.8.8.8:PORT', 403],
    ['0.0.0.0:PORT', 403],
    ['[::]:PORT', 403],
    ['kith.example.evil:PORT', 403],
    ['127.0.0.1:PORT@evil', 400],
  ]
  for (const [host, status] of hosts) {
    it(`F44: answers ${status} to Host ${host}`, async () => {
      const headers = tokens.read
      const reply = await send('/v1/peers', { ...headers, host: host.replace('PORT', port()) })
      assert.equal(reply.status, status)
    })
  }

  const origins: [origin: string, status: number][] = [
    ['http://127.0.0.1:PORT', 200],
    ['http://localhost:PORT', 403],
    ['http://127.0.0.1', 403],
    ['http://127.0.0.1:1', 403],
    ['http://evil.example', 403],
    ['null', 403],
    ['file://', 403],
  ]
  for (const [origin, status] of origins) {
    it(`F44: answers ${status} to Origin ${origin}`, async () => {
      const headers = { ...tokens.read, origin: origin.replace('PORT', port()) }
      assert.equal((await send('/v1/peers', headers)).status, status)
      const anonymous = { origin: headers.origin }
      assert.equal((await send('/health', anonymous)).status === 403, status === 403)
    })
  }

  for (const [site, status] of [
    ['same-origin', 200],
    ['none', 200],
    ['same-site', 403],
    ['cross-site', 403],
  ] as const) {
    it(`F44: answers ${status} to a browser that comes from ${site}`, async () => {
      const headers = { ...tokens.read, 'sec-fetch-site': site }
      assert.equal((await send('/v1/peers', headers)).status, status)
    })
  }
})

/** Opens a node with a listener. */
async function openDoor(nodes: OpenNodes, clock: ManualClock): Promise<KithNode> {
  return await nodes.open('node', {
    flags: { 'http.listen': '127.0.0.1:0', 'http.allowed_hosts': ['kith.example'] },
    around: (surroundings) => ({ ...surroundings, clock }),
  })
}

/** Sends to the listener at `url`. `fetch` would set Host and Origin by itself. */
function sender(url: () => string) {
  return async (
    path: string,
    headers: Record<string, string> = {},
    init: { method?: string; body?: string } = {},
  ): Promise<Reply> => {
    const { method = 'GET', body } = init
    const sent = request(`${url()}${path}`, { method, headers, agent: false })
    sent.end(body)
    const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage]
    const text = (await Array.fromAsync(response.setEncoding('utf8'))).join('')
    return { status: response.statusCode ?? 0, headers: response.headers, text }
  }
}
