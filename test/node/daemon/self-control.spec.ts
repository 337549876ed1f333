import assert from 'node:assert/strict'
import { z } from 'zod'
import type { KithNode } from '../../../src/node/node.ts'
import { eventually } from '../../helpers/eventually.ts'
import { openNodes } from '../../helpers/open-node.ts'

const nothing = z.strictObject({})

describe('what is for a person', () => {
  const all = openNodes()
  let node: KithNode
  let peer: KithNode

  beforeEach(async () => {
    node = await all().open('node')
    peer = await all().open('peer')
    const allow = ['ping', 'ask', 'status', 'approve', 'job.run'] as const
    await all().pin({ name: 'peer', id: peer.self.id, allow: [...allow] })
    await node.start()
    const addresses = node.mesh.addresses()
    await all().pin({ name: 'node', id: node.self.id, allow: ['ping'], addresses }, 'peer')
    await peer.start()
  })

  for (const verb of ['stop', 'restart', 'uninstall', 'rotate', 'daemon.stop', 'key.rotate']) {
    it(`F55: is refused to a peer that calls ${verb}, whatever it says beside it`, async () => {
      await eventually(async () => {
        const pinned = peer.pins.byName('node')
        assert.ok(pinned !== undefined)
        for (const body of [{}, { confirm: true, operator: 'owner', 'x-kith-operator': 'yes' }]) {
          await assert.rejects(
            peer.caller.call(pinned, verb, body, nothing, { deadlineMs: 5_000 }),
            (err: Error & { code?: string }) => {
              assert.ok(
                ['unsupported-verb', 'denied', 'bad-request'].includes(err.code ?? ''),
                err.message,
              )
              return true
            },
          )
        }
      })
      assert.deepEqual(
        node.parts.states().filter(({ state }) => state !== 'running'),
        [],
      )
    })
  }

  it('F55: is no tool of an agent', async () => {
    const { text } = await help()
    assert.doesNotMatch(text, /\b(stop|restart|uninstall|rotate)\b/)
  })

  async function help(): Promise<{ text: string }> {
    const handle = await node.desk.ask({ peer: 'self', text: 'help', preset: 'full' })
    let text = ''
    for await (const { body } of handle.read(0)) if (body.kind === 'text') text += body.text
    return { text }
  }
})
