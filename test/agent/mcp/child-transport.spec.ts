import assert from 'node:assert/strict'
import { ChildTransport } from '../../../src/agent/mcp/child-transport.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { programOf } from './mcp-fixture.ts'

describe('ChildTransport', () => {
  const folder = tempFolder()

  function transport(mode: string): ChildTransport {
    const reach = programOf(folder(), mode)
    assert.ok('program' in reach)
    return new ChildTransport(reach.program)
  }

  it('that is closed while it starts does not run', async () => {
    const closed = transport('mute')
    const starting = closed.start()
    await closed.close()
    await assert.rejects(starting, { code: 'program-failed', message: /was stopped/ })
  })

  it('sends nothing before it has started, nor after it was closed', async () => {
    const idle = transport('mute')
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' } as const
    await assert.rejects(idle.send(ping), { code: 'program-failed' })
    await idle.start()
    await idle.send(ping)
    await idle.close()
    await assert.rejects(idle.send(ping), { code: 'program-failed' })
  })

  it('ends a server that reads nothing', async () => {
    const deaf = new ChildTransport({
      argv: ['sleep', '60'],
      cwd: folder(),
      env: { PATH: process.env['PATH'] ?? '' },
    })
    const { promise: closed, resolve } = Promise.withResolvers<undefined>()
    deaf.onclose = () => {
      resolve(undefined)
    }
    await deaf.start()
    const call = {
      jsonrpc: '2.0',
      id: 1,
      method: 'x',
      params: { x: 'x'.repeat(2_097_152) },
    } as const
    await deaf.send(call)
    await deaf.send(call)
    await assert.rejects(deaf.send(call), { message: /reads nothing of what it is sent/ })
    await closed
  })
})
