import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { startChild } from '../../../src/agent/child.ts'
import type { Child } from '../../../src/agent/child.ts'
import { Secret } from '../../../src/agent/secret.ts'
import { eventually } from '../../helpers/eventually.ts'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { McpUnderTest, programOf } from './mcp-fixture.ts'

const KEY = new Secret('open sesame')

describe('McpTools over HTTP', function () {
  this.timeout(20_000)
  const folder = tempFolder()
  const made: McpUnderTest[] = []
  const children: Child[] = []
  const servers: Server[] = []

  afterEach(async () => {
    await Promise.all(made.splice(0).map(({ mcp }) => mcp.stop()))
    await Promise.all(children.splice(0).map((child) => child.stop()))
    for (const server of servers.splice(0)) {
      server.closeAllConnections()
      server.close()
    }
  })

  function tools(url: string, key: Secret | undefined, names: string[]): McpUnderTest {
    const http = { url, ...(key === undefined ? {} : { key }) }
    const under = new McpUnderTest({ reach: { http }, tools: names }, { timeoutMs: 5_000 })
    made.push(under)
    return under
  }

  /** A server of the library's that runs as a process; its address. */
  async function start(): Promise<{ url: string; child: Child; file: string }> {
    const file = join(folder(), 'http')
    const reach = programOf(folder(), 'http', file)
    assert.ok('program' in reach)
    const child = await startChild(reach.program)
    children.push(child)
    const [port] = (await once(child.stdout, 'data')) as [Buffer]
    return { url: `http://127.0.0.1:${port.toString().trim()}/mcp`, child, file }
  }

  /** One that answers each request as `listener` does; its address. */
  async function listen(listener: RequestListener): Promise<string> {
    const server = createServer(listener)
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
  }

  it('are offered and called with the key of the owner', async () => {
    const { url } = await start()
    const under = await tools(url, KEY, ['echo']).ready()
    assert.deepEqual(under.names, ['notes__echo'])
    assert.deepEqual(await under.call('echo', { text: 'hello' }), {
      text: 'hello',
      failed: false,
      source: 'MCP server notes',
    })
  })

  for (const key of [undefined, new Secret('wrong')]) {
    it(`fail with ${key === undefined ? 'no' : 'a wrong'} key, in our own words`, async () => {
      const { url } = await start()
      const under = tools(url, key, ['echo'])
      await assert.rejects(under.look(), (err: Error) => {
        assert.match(
          err.message,
          /^the MCP server notes (does not take the key|answered with status 401)$/,
        )
        return true
      })
    })
  }

  it('tell the server of a call that is cancelled', async () => {
    const { file, url } = await start()
    const under = await tools(url, KEY, ['wait']).ready()
    const cancel = new AbortController()
    const reason = new Error('enough')
    const call = under.call('wait', {}, cancel.signal)
    await eventually(async () => {
      assert.match(await readFile(file, 'utf8'), /waiting/)
    })
    cancel.abort(reason)
    await assert.rejects(call, reason)
    await eventually(async () => {
      assert.match(await readFile(file, 'utf8'), /cancelled/)
    })
  })

  it('fail while the server is away', async () => {
    const { child, url } = await start()
    const under = await tools(url, KEY, ['echo']).ready()
    await child.stop()
    await assert.rejects(under.call('echo', { text: 'hi' }), {
      code: 'program-failed',
      message: 'the MCP server notes cannot be reached',
    })
    under.clock.advance(1_000)
    await assert.rejects(under.call('echo', { text: 'hi' }), { code: 'program-failed' })
    assert.equal(under.faults.length, 2)
  })

  for (const [url, taken] of [
    ['http://example.org/mcp', false],
    ['http://10.0.0.1/mcp', false],
    ['http://127.0.0.1.example.org/mcp', false],
    ['http://localhost.example.org/mcp', false],
    ['http://127.0.0.1:1/mcp', true],
    ['http://[::1]:1/mcp', true],
    ['http://localhost:1/mcp', true],
    ['http://[::ffff:127.0.0.1]:1/mcp', true],
  ] as const) {
    it(`${taken ? 'may' : 'may not'} be at ${url}`, async () => {
      const under = tools(url, KEY, ['echo'])
      await assert.rejects(under.look(), { code: taken ? 'program-failed' : 'bad-request' })
    })
  }

  it('send the key to no other address', async () => {
    const keys: unknown[] = []
    const other = await listen((request, response) => {
      keys.push(request.headers.authorization)
      response.writeHead(500).end()
    })
    const url = await listen((_, response) => {
      response.writeHead(307, { location: other }).end()
    })
    await assert.rejects(tools(url, KEY, ['echo']).look(), { code: 'program-failed' })
    assert.deepEqual(keys, [])
  })

  it('end with an answer that does not', async () => {
    let written = 0
    const url = await listen((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.on('error', () => undefined)
      const write = (): void => {
        while (!response.destroyed) {
          written += 65_536
          if (!response.write('x'.repeat(65_536))) break
        }
      }
      response.on('drain', write)
      write()
    })
    await assert.rejects(tools(url, KEY, ['echo']).look(), { code: 'program-failed' })
    assert.ok(written < 64 * 1_048_576, `${written}`)
  })
})
