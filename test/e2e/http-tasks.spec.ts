import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { freePort } from '../helpers/free-port.ts'
import { TaskClient } from '../helpers/http-client.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'

describe('tasks over HTTP, with a process', () => {
  const make = liveNodes()
  let node: LiveNode
  let tasks: TaskClient

  before(async () => {
    node = await make('node')
    const listen = `127.0.0.1:${await freePort()}`
    await appendFile(node.home.config, `http:\n  listen: ${listen}\n`)
    await node.start()
    const { text } = await node.client.call('createToken', {
      name: 'ci',
      scope: 'tasks',
      preset: 'full',
    })
    tasks = new TaskClient(`http://${listen}`, { authorization: `Bearer ${text}` })
  })

  it('F49: is there after a kill -9 right after its 201, and so is its key', async () => {
    const body = { text: 'count 1000', idempotencyKey: 'deploy-7' }
    const ids: string[] = []
    for (let kills = 0; kills < 3; kills++) {
      const { id } = await tasks.submit({ ...body, idempotencyKey: `deploy-${kills}` })
      await node.kill()
      ids.push(id)
      await node.start()
      const task = await tasks.task(id)
      // It may have been claimed, and what has begun is never run twice.
      assert.ok(['interrupted', 'running', 'pending'].includes(task.state), task.state)
      const again = await tasks.post('/api/tasks', { ...body, idempotencyKey: `deploy-${kills}` })
      assert.equal(again.status, 200)
      assert.equal(((await again.json()) as { id: string }).id, id)
    }
    const { tasks: all } = await tasks.page()
    assert.deepEqual(
      all.map(({ id }) => id),
      ids.reverse(),
    )
  }).timeout(60_000)

  it('F44: lets no token in after a restart that was revoked before a kill', async () => {
    await node.client.call('revokeToken', { token: 'ci' })
    await node.kill()
    await node.start()
    assert.equal((await tasks.get('/api/tasks')).status, 401)
  }).timeout(30_000)
})
