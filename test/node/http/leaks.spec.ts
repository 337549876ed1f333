import assert from 'node:assert/strict'
import { openThings } from '../../../src/node/health/open-things.ts'
import type { KithNode } from '../../../src/node/node.ts'
import { eventually } from '../../helpers/eventually.ts'
import { TaskClient } from '../../helpers/http-client.ts'
import { HttpNode } from '../../helpers/http-node.ts'
import { openNodes } from '../../helpers/open-node.ts'
import { sentEvents } from '../../helpers/sse.ts'

const CYCLES = 200

describe('what a node holds open', () => {
  const nodes = openNodes()
  let node: KithNode
  let http: HttpNode
  let tasks: TaskClient

  beforeEach(async () => {
    node = await nodes().open('node', { flags: { 'http.listen': '127.0.0.1:0' } })
    await node.start()
    http = new HttpNode(node)
    await http.start()
    tasks = new TaskClient(http.url, await http.token('tasks'))
  })
  afterEach(() => http.stop())

  function counts(): Record<string, number> {
    return Object.fromEntries(Object.entries(openThings()).map(([kind, { open }]) => [kind, open]))
  }

  it('F66: is as much as before after two hundred asks that were cancelled', async () => {
    const cycle = async (): Promise<void> => {
      const { record } = await node.desk.ask({ peer: 'self', text: 'count 1000' })
      await node.desk.cancel(record.ask)
    }
    for (let n = 0; n < 20; n++) await cycle()
    const before = counts()
    for (let n = 0; n < CYCLES; n++) await cycle()
    assert.deepEqual(node.answerer.counts, { running: 0, queued: 0 })
    await eventually(() => {
      for (const [kind, open] of Object.entries(counts())) {
        assert.ok(open <= (before[kind] ?? 0) + 3, `${kind}: ${before[kind] ?? 0}, then ${open}`)
      }
    })
    assert.equal(node.health.components().find(({ name }) => name === 'resources')?.state, 'ready')
  }).timeout(60_000)

  it('F66: is as much as before after a hundred streams that were dropped', async () => {
    const { id } = await tasks.submit({ text: 'count 1000' })
    const before = counts()
    for (let n = 0; n < 100; n++) {
      const abort = new AbortController()
      const events = sentEvents(await tasks.get(`/api/tasks/${id}/events`, {}, abort.signal))
      await events.next()
      abort.abort()
      await events.return(undefined).catch(() => undefined)
    }
    await eventually(() => {
      assert.ok(node.http.state.connections.open <= 3)
      for (const [kind, open] of Object.entries(counts())) {
        assert.ok(open <= (before[kind] ?? 0) + 5, `${kind}: ${before[kind] ?? 0}, then ${open}`)
      }
    })
    await tasks.post(`/api/tasks/${id}/cancel`, {})
  }).timeout(30_000)
})
