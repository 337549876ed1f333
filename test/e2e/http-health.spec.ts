import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFile, rename } from 'node:fs/promises'
import { request } from 'node:http'
import { healthReport, publicHealth } from '../../src/node/health/health-report.ts'
import type { HealthReport } from '../../src/node/health/health-report.ts'
import { eventually } from '../helpers/eventually.ts'
import { freePort } from '../helpers/free-port.ts'
import { LAB_KEY, configureAgent, modelAt } from '../helpers/live-agent.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { ModelServer } from '../helpers/model-server.ts'
import { kith } from '../helpers/run-kith.ts'

/** A secret in its environment: it may come out nowhere. */
const CANARY = 'sk-lab-c4n4ry0123456789abcdef'

describe('health of a process', function () {
  this.timeout(30_000)
  const make = liveNodes()
  let server: ModelServer
  let node: LiveNode
  let url: string
  let headers: { authorization: string }

  before(async () => {
    server = await ModelServer.start()
    node = await make('node', { env: { [LAB_KEY]: CANARY } })
    url = `http://127.0.0.1:${await freePort()}`
    await configureAgent(node, modelAt(server))
    await appendFile(node.home.config, `http:\n  listen: ${url.slice('http://'.length)}\n`)
    await node.start()
    const { text } = await node.client.call('createToken', { name: 'ops', scope: 'read' })
    headers = { authorization: `Bearer ${text}` }
  })
  after(() => server.stop())

  async function status(path: string): Promise<number> {
    return (await fetch(`${url}${path}`)).status
  }

  async function health(): Promise<HealthReport> {
    return healthReport.parse(await (await fetch(`${url}/health`, { headers })).json())
  }

  async function stateOf(name: string): Promise<string | undefined> {
    return (await health()).components.find((component) => component.name === name)?.state
  }

  /** What comes over the unix socket, which asks for no token. */
  async function overSocket(path: string): Promise<{ status: number; text: string }> {
    const { promise, reject, resolve } = Promise.withResolvers<{ status: number; text: string }>()
    request({ socketPath: node.home.socket, path, agent: false }, (response) => {
      void Array.fromAsync(response.setEncoding('utf8')).then((texts) => {
        resolve({ status: response.statusCode ?? 0, text: texts.join('') })
      })
    })
      .on('error', reject)
      .end()
    return await promise
  }

  it('F40: answers live, ready and health with 200 while all is well', async () => {
    assert.deepEqual(
      [await status('/live'), await status('/ready'), await status('/health')],
      [200, 200, 200],
    )
    const { status: overall, components } = await health()
    assert.equal(overall, 'healthy', JSON.stringify(components))
  })

  it('F42: tells nobody without a token more than its status and its version', async () => {
    for (const path of ['/health', '/ready', '/live']) {
      const body = (await (await fetch(`${url}${path}`)).json()) as object
      const keys = Object.keys(body)
      assert.ok(
        keys.every((key) => ['status', 'version'].includes(key)),
        `${path}: ${keys.join()}`,
      )
    }
    const body: unknown = await (await fetch(`${url}/health`)).json()
    assert.deepEqual(Object.keys(publicHealth.strict().parse(body)), ['status', 'version'])
    const { text } = await node.client.call('createToken', { name: 'worker', scope: 'tasks' })
    const tasks = await fetch(`${url}/health`, { headers: { authorization: `Bearer ${text}` } })
    assert.deepEqual(Object.keys((await tasks.json()) as object), ['status', 'version'])
  })

  it('F42: is under its schema with a token, over the unix socket too, with no secret and no key in it', async () => {
    const report = JSON.stringify(await health())
    const { status: code, text } = await overSocket('/health')
    assert.equal(code, 200)
    healthReport.parse(JSON.parse(text))
    for (const shown of [report, text]) assert.ok(!shown.includes(CANARY))
  })

  it('F40: is degraded and ready with a provider that fails, which says so', async () => {
    assert.equal(await stateOf('provider lab'), 'not-checked')
    server.reply({ kind: 'text', text: 'hi' })
    await node.ask('self', 'hello')
    assert.equal(await stateOf('provider lab'), 'ready')
    await server.stop()
    await node.ask('self', 'hello')
    const { status: overall } = await health()
    assert.equal(overall, 'degraded')
    assert.notEqual(await stateOf('provider lab'), 'ready')
    assert.deepEqual([await status('/ready'), await status('/health')], [200, 200])
    const told = await kith(node, 'health')
    assert.equal(told.code, 0)
    assert.match(told.out, /^degraded, kith /)
    assert.match(told.out, /provider lab +(not-ready|error)/)
  })

  it('F41: control is ready, and in error with its socket gone', async () => {
    assert.equal(await stateOf('control'), 'ready')
    await rename(node.home.socket, `${node.home.socket}.away`)
    assert.equal(await stateOf('control'), 'error')
    assert.deepEqual([await status('/ready'), await status('/live')], [503, 200])
    await rename(`${node.home.socket}.away`, node.home.socket)
    assert.equal(await stateOf('control'), 'ready')
  })

  it('F40: is unhealthy and not ready with a disk that takes nothing, and lives', async function () {
    if (process.platform !== 'linux') this.skip()
    const limited = spawnSync('prlimit', ['--pid', String(node.pid), '--fsize=1:1'])
    assert.equal(limited.status, 0)
    await node.submit('self', 'hello').catch(() => undefined)
    await eventually(async () => {
      assert.equal(await status('/ready'), 503)
    })
    assert.deepEqual([await status('/live'), await status('/health')], [200, 503])
    const { components } = await health()
    const store = components.find(({ name }) => name === 'store')
    assert.deepEqual([store?.state, store?.required], ['error', true])
    assert.match(store?.reason ?? '', /could not write/)
    const told = await kith(node, 'health', '--json')
    assert.equal(told.code, 1)
    assert.equal((JSON.parse(told.out) as HealthReport).status, 'unhealthy')
  })
})
