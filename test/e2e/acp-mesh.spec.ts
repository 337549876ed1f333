import assert from 'node:assert/strict'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { ModelServer } from '../helpers/model-server.ts'
import type { ChatMessage } from '../helpers/model-server.ts'
import { OPENCODE, needsOpencode, opencodeEnv } from '../helpers/opencode.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

describe('a stock agent that answers for a node', function () {
  this.timeout(120_000)
  const make = liveNodes()
  const folder = tempFolder()
  let server: ModelServer
  let alice: LiveNode
  let bob: LiveNode

  before(needsOpencode)

  beforeEach(async () => {
    server = await ModelServer.start()
    const own = await opencodeEnv(folder(), configOf(server.url))
    alice = await make('alice', {
      env: {
        ...own,
        KITH_AGENT_ENGINE: 'acp',
        KITH_AGENT_ACP_RUN: `${OPENCODE},acp`,
        KITH_AGENT_ACP_MESH: 'true',
        KITH_AGENT_ACP_ENV: Object.keys(own).join(','),
      },
    })
    bob = await make('bob')
    await alice.pin(bob)
    await bob.pin(alice, { allow: ['ping', 'ask'], addresses: [] })
    await bob.start()
    await alice.start()
    await alice.linkedTo(bob)
  })

  afterEach(async () => {
    await server.stop()
  })

  it('asks a pinned peer with the tool that it was given, and answers with what that says', async () => {
    const input = { peer: 'bob', text: 'count 3' }
    server.otherwise = ({ body: { messages, tools = [] } }) => {
      const last = messages.at(-1)
      if (last?.role === 'tool') return { kind: 'text', text: `He says: ${saidBy(last)}` }
      const tool = tools.find(({ function: { name } }) => name.endsWith('ask_peer'))
      if (tool === undefined) return { kind: 'text', text: 'Counting' }
      return { kind: 'tools', calls: [{ name: tool.function.name, input }] }
    }
    const { final, text } = await alice.ask('self', 'let bob count')
    assert.equal(final.outcome, 'done', JSON.stringify(final))
    assert.match(text, /^He says: [^]*is data from "the peer bob"[^]*\n1\n2\n3\n/u)
    const [asked] = await bob.client.call('asks', { limit: 1 })
    assert.equal(asked?.peer, 'alice')
  })
})

function saidBy({ content }: ChatMessage): string {
  return typeof content === 'string' ? content : JSON.stringify(content)
}

/** Settings with one model, of `url` alone. */
function configOf(url: string): object {
  return {
    model: 'local/small',
    small_model: 'local/small',
    autoupdate: false,
    share: 'disabled',
    enabled_providers: ['local'],
    provider: {
      local: {
        npm: '@ai-sdk/openai-compatible',
        options: { baseURL: url, apiKey: 'none' },
        models: { small: { name: 'small', tool_call: true } },
      },
    },
  }
}
