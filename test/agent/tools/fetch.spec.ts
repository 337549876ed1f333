import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { MAX_PAGE_BYTES, fetchTool } from '../../../src/agent/tools/fetch.ts'
import type { ToolOutput } from '../../../src/agent/tools/tool.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { askOf } from '../asks.ts'

/** Ways to write an address or a name that leads to this host, its network, or the metadata of a cloud. */
const INWARD = [
  ...['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0x7f.1', '127.0.0.1.', '0'],
  ...['0.0.0.0', '10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', '169.254.169.254'],
  '168.63.129.16',
  ...['0xa9fea9fe', '2852039166', '[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]'],
  ...['[::127.0.0.1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '[fe80::1]', '[fd00:ec2::254]'],
  ...['224.0.0.1', '255.255.255.255', '１２７.0.0.1', '①②⑦.0.0.1', 'localhost', 'LOCALHOST.'],
  ...['printer.lan', 'metadata.google.internal', '127.0.0.1.nip.example'],
]

const OTHERWISE = [
  ...['file:///etc/passwd', 'ftp://site.test/', 'gopher://site.test/', 'data:text/plain,x'],
  ...[
    'http://user:pass@site.test/',
    'http://user@site.test/',
    'http://site.test:22/',
    'javascript:1',
  ],
]

describe('fetch', () => {
  let server: Server
  let port: number
  let seen: string[]
  let lookups: string[]
  let addresses: string[][]
  let answer: RequestListener

  beforeEach(async () => {
    seen = []
    lookups = []
    addresses = []
    answer = (_request, response) => response.setHeader('content-type', 'text/plain').end('hello')
    server = createServer((request, response) => {
      seen.push(request.url ?? '')
      answer(request, response)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    ;({ port } = server.address() as AddressInfo)
  })

  afterEach(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  async function get(url: string, allowHosts: string[] = []): Promise<ToolOutput> {
    const resolver = async (name: string): Promise<string[]> => {
      lookups.push(name)
      return addresses.shift() ?? ['127.0.0.1']
    }
    const plan = await fetchTool({ allowHosts, resolver }).plan({ url }, askOf(''))
    return plan.run(new AbortController().signal)
  }

  const page = (path = '/'): Promise<ToolOutput> =>
    get(`http://site.test:${port}${path}`, [`site.test:${port}`])
  const isRefused = (err: unknown): boolean =>
    isFailure(err, 'denied') && err.details.rule === 'fetch'

  it('gets a page of a host on the list, with its source', async () => {
    assert.deepEqual(await page('/a'), {
      text: 'hello',
      source: `http://site.test:${port}/a`,
      failed: false,
    })
    assert.deepEqual(seen, ['/a'])
  })

  for (const host of INWARD) {
    it(`does not go to ${host}`, async () => {
      await assert.rejects(get(`http://${host}/`), isRefused)
      assert.deepEqual(seen, [])
    })
  }

  for (const url of OTHERWISE) {
    it(`does not go to ${url}`, async () => {
      await assert.rejects(get(url), isRefused)
      assert.deepEqual(lookups, [])
    })
  }

  it('takes no name that has a private address beside a public one', async () => {
    addresses = [['1.1.1.1', '127.0.0.1']]
    await assert.rejects(get('http://mixed.test/'), isRefused)
    addresses = [['2606:4700::1111', '::1']]
    await assert.rejects(get('http://mixed.test/'), isRefused)
    addresses = [[]]
    await assert.rejects(get('http://mixed.test/'), isRefused)
  })

  it('looks a name up once, and goes to what was found then', async () => {
    addresses = [['127.0.0.1'], ['127.0.0.2']]
    assert.equal((await page()).text, 'hello')
    assert.deepEqual(lookups, ['site.test'])
  })

  it('checks the address anew at each redirect', async () => {
    answer = (_request, response) =>
      response.writeHead(302, { location: 'http://169.254.169.254/x' }).end()
    assert.equal((await page()).failed, true)
    answer = (_request, response) =>
      response.writeHead(302, { location: 'http://site.test:22/' }).end()
    await assert.rejects(page(), isRefused)
    answer = (_request, response) =>
      response.writeHead(302, { location: 'file:///etc/passwd' }).end()
    await assert.rejects(page(), isRefused)
  })

  it('does not follow a redirect to another host, and says where it leads', async () => {
    answer = (_request, response) =>
      response.writeHead(301, { location: 'http://other.test/x' }).end()
    assert.match((await page()).text, /another host now: http:\/\/other\.test\/x/u)
    assert.deepEqual(lookups, ['site.test'])
  })

  it('follows redirects at the host, up to five', async () => {
    const sendOn = (until: number): void => {
      answer = ({ url = '' }, response) => {
        const at = Number(url.slice(1))
        if (at === until) response.setHeader('content-type', 'text/plain').end('there')
        else response.writeHead(307, { location: `/${at + 1}` }).end()
      }
    }
    sendOn(5)
    assert.equal((await page('/0')).text, 'there')
    sendOn(6)
    await assert.rejects(page('/0'), /more than 5 times/u)
  })

  it('cuts a long page, and one that is short until it is decompressed', async () => {
    answer = (_request, response) =>
      response.setHeader('content-type', 'text/plain').end('x'.repeat(400_000))
    assert.match((await page()).text, new RegExp(`only the first ${MAX_PAGE_BYTES} bytes`, 'u'))
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' })
      response.end(gzipSync(Buffer.alloc(20_000_000, 'x')))
    }
    const { text } = await page()
    assert.ok(text.length < MAX_PAGE_BYTES + 100)
  })

  it('takes text alone', async () => {
    answer = (_request, response) => response.setHeader('content-type', 'image/png').end('x')
    await assert.rejects(page(), /no text, but image\/png/u)
  })

  it('waits for a person, host by host, save for hosts on the list', async () => {
    const tool = fetchTool({ allowHosts: ['docs.test'] })
    const plan = await tool.plan({ url: 'http://site.test/a?b' }, askOf(''))
    assert.deepEqual([plan.risk, plan.key], ['caution', 'fetch http://site.test'])
    assert.equal((await tool.plan({ url: 'http://docs.test/' }, askOf(''))).risk, 'safe')
  })
})
