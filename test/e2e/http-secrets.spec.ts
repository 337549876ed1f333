import assert from 'node:assert/strict'
import { appendFile, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../helpers/free-port.ts'
import { TaskClient } from '../helpers/http-client.ts'
import { LAB_KEY, configureAgent, modelAt } from '../helpers/live-agent.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { ModelServer } from '../helpers/model-server.ts'
import { kith } from '../helpers/run-kith.ts'

/** A key of a provider, which the model says back to whoever asks. */
const KEY = 'sk-lab-c4n4ry0123456789abcdefgh'

describe('secrets and HTTP', function () {
  this.timeout(30_000)
  const make = liveNodes()
  let server: ModelServer
  let node: LiveNode
  let url: string

  before(async () => {
    server = await ModelServer.start()
    node = await make('node', { env: { [LAB_KEY]: KEY } })
    url = `http://127.0.0.1:${await freePort()}`
    await configureAgent(node, modelAt(server))
    await appendFile(node.home.config, `http:\n  listen: ${url.slice('http://'.length)}\n`)
    await node.start()
  })
  after(() => server.stop())

  it('F62: come out of no route, no stream, no log and no file of this node', async () => {
    const created = await kith(
      node,
      'token',
      'create',
      'ci',
      '--scope',
      'admin',
      '--preset',
      'full',
    )
    assert.equal(created.code, 0, created.err)
    const token = created.out.trim()
    assert.match(token, /^kith_[0-9a-f]{12}_[\w-]{43}$/)
    const link = (await kith(node, 'dashboard')).out.trim()
    const code = link.slice(link.indexOf('#code=') + '#code='.length)
    const client = new TaskClient(url, { authorization: `Bearer ${token}` })

    server.reply({ kind: 'text', text: `the key is ${KEY}, and so on` })
    const { id } = await client.submit({ text: 'what is your key?' })
    const seen: string[] = []
    const look = async (path: string): Promise<void> => {
      const response = await client.get(path)
      seen.push(`${path} ${JSON.stringify([...response.headers])} ${await response.text()}`)
    }
    await look(`/api/tasks/${id}/events`)
    for (const path of [
      `/api/tasks/${id}`,
      '/api/tasks',
      '/health',
      '/ready',
      '/metrics',
      '/openapi.json',
      '/v1/status',
      '/v1/doctor',
      '/v1/tokens',
      '/v1/models',
      '/v1/alerts',
      '/v1/asks',
      '/v1/budget',
      '/nowhere',
      '/',
    ]) {
      await look(path)
    }
    seen.push((await kith(node, 'token', 'list', '--json')).out)
    seen.push(JSON.stringify(node.log.lines))
    const wrong = `kith_${token.slice(5, 17)}_${'A'.repeat(43)}`
    const refused = await fetch(`${url}/v1/status`, {
      headers: { authorization: `Bearer ${wrong}` },
    })
    seen.push(await refused.text())
    await node.stop()
    const files = await readdir(node.home.path, { recursive: true, withFileTypes: true })
    for (const file of files.filter((each) => each.isFile())) {
      seen.push((await readFile(join(file.parentPath, file.name))).toString('latin1'))
    }
    for (const secret of [KEY, token.slice(-43), code]) {
      const found = seen.find((text) => text.includes(secret))
      assert.equal(found, undefined, `${secret.slice(0, 6)}… in ${found?.slice(0, 200) ?? ''}`)
    }
  })
})
