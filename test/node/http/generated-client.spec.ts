import assert from 'node:assert/strict'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createClient } from '@hey-api/openapi-ts'
import { build } from 'esbuild'
import { openApiDocument } from '../../../src/node/http/openapi.ts'
import type { TaskEvent, TaskPage, TaskReport } from '../../../src/node/http/tasks/task-routes.ts'
import type { HealthReport } from '../../../src/node/health/health-report.ts'
import type { KithNode } from '../../../src/node/node.ts'
import { HttpNode } from '../../helpers/http-node.ts'
import { openNodes } from '../../helpers/open-node.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

interface Answer<T> {
  data?: T
  error?: { error: { code: string } }
  response: Response
}
type Call<T> = (options?: object) => Promise<Answer<T>>

/** What the test uses of a client that is made from `docs/openapi.json` alone. */
interface Sdk {
  client: { setConfig: (config: object) => void }
  createTask: Call<TaskReport>
  listTasks: Call<TaskPage>
  getTask: Call<TaskReport>
  cancelTask: Call<TaskReport>
  getHealth: Call<HealthReport>
  metrics: Call<string>
  peers: Call<unknown[]>
  editPeers: Call<unknown>
  taskEvents: (options: object) => Promise<{ stream: AsyncIterable<TaskEvent> }>
}

describe('a client generated from the description of the API', function () {
  this.timeout(60_000)
  const folder = tempFolder()
  const nodes = openNodes()
  let node: KithNode
  let http: HttpNode
  let sdk: Sdk

  async function generated(): Promise<Sdk> {
    const path = join(folder(), 'client')
    await createClient({
      input: openApiDocument(),
      output: { path, tsConfigPath: null },
      plugins: ['@hey-api/typescript', '@hey-api/sdk', '@hey-api/client-fetch'],
      logs: { level: 'silent' },
    })
    const outfile = join(folder(), 'client.mjs')
    const entry = `export * from './sdk.gen'\nexport { client } from './client.gen'\n`
    await build({
      stdin: { contents: entry, resolveDir: path, loader: 'ts' },
      ...{ bundle: true, format: 'esm', platform: 'node', outfile, logLevel: 'error' },
    })
    return (await import(pathToFileURL(outfile).href)) as Sdk
  }

  beforeEach(async () => {
    node = await nodes().open('node', { flags: { 'http.listen': '127.0.0.1:0' } })
    await node.start()
    http = new HttpNode(node)
    await http.start()
    sdk = await generated()
    const { text } = await node.http.tokens.create({ name: 'sdk', scope: 'admin', preset: 'full' })
    sdk.client.setConfig({ baseUrl: http.url, auth: text })
  })
  afterEach(() => http.stop())

  it('submits, follows, lists and cancels tasks, and reads health, metrics and peers', async () => {
    const created = await sdk.createTask({
      body: { text: 'echo hello' },
      headers: { 'Idempotency-Key': 'k' },
    })
    assert.equal(created.response.status, 201)
    const id = created.data?.id ?? ''
    const { stream } = await sdk.taskEvents({ path: { id } })
    const events = await Array.fromAsync(stream)
    assert.deepEqual(
      events.map(({ type }) => type),
      ['text', 'end'],
    )
    assert.equal((await sdk.getTask({ path: { id } })).data?.result, 'hello')
    const slow = await sdk.createTask({ body: { text: 'count 1000' } })
    const cancelled = await sdk.cancelTask({ path: { id: slow.data?.id ?? '' } })
    assert.equal(cancelled.data?.state, 'cancelled')
    const { data: page } = await sdk.listTasks({ query: { limit: 1, state: 'succeeded' } })
    assert.deepEqual(
      page?.tasks.map((task) => task.id),
      [id],
    )
    assert.equal((await sdk.getHealth()).data?.status, 'healthy')
    assert.match((await sdk.metrics()).data ?? '', /^kith_asks_total\{direction="in"\} 2$/m)
    assert.deepEqual((await sdk.peers()).data, [])
  })

  it('is told what it did wrong', async () => {
    const { error, response } = await sdk.createTask({ body: { colour: 'red' } })
    assert.deepEqual([response.status, error?.error.code], [400, 'usage'])
    sdk.client.setConfig({ baseUrl: http.url, auth: 'kith_no' })
    assert.equal((await sdk.listTasks()).response.status, 401)
  })
})
