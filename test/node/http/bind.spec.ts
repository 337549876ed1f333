import assert from 'node:assert/strict'
import { lookup } from 'node:dns/promises'
import type { AddressInfo } from 'node:net'
import {
  assertSafeBind,
  isLoopback,
  parseListen,
  resolveHost,
} from '../../../src/node/http/bind.ts'
import { TcpServer } from '../../../src/node/http/tcp-server.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { HttpNode } from '../../helpers/http-node.ts'
import { openNodes } from '../../helpers/open-node.ts'

const SAFE = { allowed: false, tokens: 0 }

/** All that stands for loopback, and all that does not, however it is written. */
const LOOPBACK = [
  '127.0.0.1',
  '127.1',
  '0177.0.0.1',
  '0x7f000001',
  '0x7f.1',
  '2130706433',
  '127.255.255.254',
  '::1',
  '0:0:0:0:0:0:0:1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  'localhost',
  'LOCALHOST',
]
const EXPOSED = [
  '0.0.0.0',
  '0',
  '0x0',
  '00.0',
  '::',
  '0:0:0:0:0:0:0:0',
  '::ffff:0.0.0.0',
  '::0.0.0.0',
  '10.0.0.1',
  '0xa000001',
  '167772161',
  '192.168.1.1',
  '169.254.1.1',
  '100.64.0.1',
  '8.8.8.8',
  '::ffff:8.8.8.8',
  'fe80::1',
  'fc00::1',
  '2001:db8::1',
  '64:ff9b::7f00:1',
]

describe('http bind', () => {
  for (const host of LOOPBACK) {
    it(`F43: takes ${host}, which nobody else reaches`, async () => {
      const address = await resolveHost(host).catch(() => undefined)
      // A machine without IPv6, or another resolver, may know no address for it: then nothing listens.
      if (address !== undefined) assertSafeBind(address, SAFE)
    })
  }

  for (const host of EXPOSED) {
    it(`F43: refuses ${host} without both a word of the owner and a token`, async () => {
      const address = await resolveHost(host)
      for (const exposure of [SAFE, { allowed: true, tokens: 0 }, { allowed: false, tokens: 3 }]) {
        assert.throws(
          () => {
            assertSafeBind(address, exposure)
          },
          { code: 'unsafe-bind' },
        )
      }
      assertSafeBind(address, { allowed: true, tokens: 1 })
    })
  }

  it('F43: refuses what is no address at all', () => {
    for (const text of ['', 'localhost', '127.0.0.1.evil', '127.0.0.1 ']) {
      assert.equal(isLoopback(text), false, text)
    }
  })

  it('F43: refuses a name of this machine that stands for an address of others', async () => {
    const { hostname } = await import('node:os')
    const found = await lookup(hostname()).catch(() => undefined)
    if (found === undefined || isLoopback(found.address)) return
    assert.throws(
      () => {
        assertSafeBind(found.address, SAFE)
      },
      { code: 'unsafe-bind' },
    )
  })

  const written: [text: string, parsed: { host: string; port: number } | undefined][] = [
    ['127.0.0.1:7424', { host: '127.0.0.1', port: 7_424 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['[fe80::1%eth0]:80', { host: 'fe80::1%eth0', port: 80 }],
    [':7424', undefined],
    ['7424', undefined],
    ['127.0.0.1', undefined],
    ['::1:80', undefined],
    ['127.0.0.1:65536', undefined],
    ['127.0.0.1:-1', undefined],
    ['http://127.0.0.1:80', undefined],
    ['127.0.0.1:80/x', undefined],
    ['a b:80', undefined],
  ]
  for (const [text, parsed] of written) {
    it(`reads ${text} as ${parsed === undefined ? 'nothing' : JSON.stringify(parsed)}`, () => {
      assert.deepEqual(parseListen(text), parsed)
    })
  }

  describe('of a socket', () => {
    let server: TcpServer
    beforeEach(() => {
      server = new TcpServer((_request, response) => response.end('ok'))
    })

    it('F43: is on the loopback address that it says', async () => {
      const address = await server.listen('127.0.0.1', 0, SAFE)
      assert.deepEqual([address.address, address.family], ['127.0.0.1', 'IPv4'])
      assert.equal((await fetch(`http://127.0.0.1:${address.port}`)).status, 200)
      await server.stop()
    })

    it('F43: is closed again when its address is not the one that was asked for', async () => {
      class Elsewhere extends TcpServer {
        override get address(): AddressInfo {
          return { ...super.address, address: '0.0.0.0' }
        }
      }
      server = new Elsewhere((_request, response) => response.end('ok'))
      await assert.rejects(server.listen('127.0.0.1', 0, SAFE), { code: 'unsafe-bind' })
      assert.throws(() => server.address)
    })

    it('says who cannot have a port that somebody else has', async () => {
      const { port } = await server.listen('127.0.0.1', 0, SAFE)
      const second = new TcpServer(() => undefined)
      await assert.rejects(second.listen('127.0.0.1', port, SAFE), { code: 'cannot-listen' })
      await server.stop()
    })
  })

  describe('of a node', () => {
    const nodes = openNodes()

    it('F43: is on no socket when the config asks for one that is not safe, and health says so', async () => {
      const node = await nodes().open('node', { flags: { 'http.listen': '0.0.0.0:0' } })
      const http = new HttpNode(node)
      await http.start()
      assert.equal(node.http.state.listening, undefined)
      const found = node.health.components().find(({ name }) => name === 'http')
      assert.equal(found?.state, 'error')
      assert.match(found.reason ?? '', /others could reach 0\.0\.0\.0/)
      await http.stop()
    })

    it('F43: is on all addresses with both, and still lets nobody in without the token', async () => {
      const flags = { 'http.listen': '0.0.0.0:0', 'http.allow_non_loopback': true }
      const node = await nodes().open('node', { flags })
      const http = new HttpNode(node)
      const headers = await http.token('read')
      await http.start()
      assert.match(node.http.state.listening ?? '', /^0\.0\.0\.0:\d+$/)
      const url = http.url.replace('0.0.0.0', '127.0.0.1')
      assert.equal((await fetch(`${url}/v1/peers`)).status, 401)
      assert.equal((await fetch(`${url}/v1/peers`, { headers })).status, 200)
      await http.stop()
    })

    it('is on no socket as long as nobody asks for the page, and then on loopback', async () => {
      const node = await nodes().open()
      const http = new HttpNode(node)
      await http.start()
      assert.equal(node.http.state.listening, undefined)
      assert.equal(node.health.components().find(({ name }) => name === 'http')?.state, 'disabled')
      const links = await Promise.all([node.http.dashboard(), node.http.dashboard()])
      assert.match(links[0], /^http:\/\/127\.0\.0\.1:\d+\/#code=[\w-]{43}$/)
      const [one, two] = links.map((link) => new URL(link).origin)
      assert.equal(one, two)
      await http.stop()
      await assert.rejects(node.http.dashboard(), (err) => isFailure(err, 'stopping'))
    })
  })
})
