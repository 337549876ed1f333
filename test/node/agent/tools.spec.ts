import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Memory } from '../../../src/agent/memory.ts'
import { Presets } from '../../../src/agent/presets.ts'
import type { Tool } from '../../../src/agent/tools/tool.ts'
import { Workspace } from '../../../src/agent/workspace.ts'
import { agentSchema } from '../../../src/node/agent-config.ts'
import { createTools } from '../../../src/node/agent/tools.ts'
import { askOf } from '../../agent/asks.ts'
import { facts } from '../../agent/engines/builtin-fixture.ts'
import type { AgentSettings } from '../../helpers/live-agent.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

describe('the tools that a node has', () => {
  const folder = tempFolder()

  async function create(settings: AgentSettings = {}): Promise<Map<string, Tool>> {
    const path = join(folder(), 'workspace')
    await mkdir(path)
    const parts = {
      ...{ facts, memory: new Memory(join(folder(), 'MEMORY.md')), presets: new Presets() },
      peers: { ask: () => assert.fail('no peer is asked') },
      workspace: new Workspace(path),
    }
    const tools = await createTools(agentSchema.parse(settings), parts, path)
    return new Map(tools.map((tool) => [tool.name, tool]))
  }

  async function textOf(tools: Map<string, Tool>, name: string, input: object): Promise<string> {
    const plan = await tools.get(name)?.plan(input, askOf('hi', { presets: ['full'] }))
    assert.ok(plan !== undefined)
    return (await plan.run(new AbortController().signal)).text
  }

  it('are these', async () => {
    assert.deepEqual(
      [...(await create({ shell: { sandbox: 'off' } })).keys()],
      [
        ...['node_status', 'list_peers', 'list_asks', 'list_jobs', 'current_time'],
        ...['list_files', 'read_file', 'search_files', 'write_file', 'edit_file'],
        ...['remember', 'recall', 'forget', 'shell', 'fetch', 'ask_peer'],
      ],
    )
  })

  it('end a command of the shell after the time in the config, and no call has more', async () => {
    const tools = await create({ shell: { sandbox: 'off', timeout_seconds: 1 } })
    assert.match(await textOf(tools, 'shell', { command: 'tail -f /dev/null' }), /ended after 1 s/)
    await assert.rejects(textOf(tools, 'shell', { command: 'true', seconds: 2 }), {
      code: 'bad-request',
    })
    assert.match(await textOf(tools, 'shell', { command: 'true', seconds: 1 }), /exit 0/)
  })

  it('show a command what the config names of the environment, and nothing else', async () => {
    process.env['TEST_SHOWN'] = 'shown'
    process.env['TEST_HIDDEN'] = 'hidden'
    try {
      const tools = await create({ shell: { sandbox: 'off', env: ['TEST_SHOWN'] } })
      const text = await textOf(tools, 'shell', { command: 'env' })
      assert.match(text, /TEST_SHOWN=shown/)
      assert.doesNotMatch(text, /TEST_HIDDEN/)
    } finally {
      delete process.env['TEST_SHOWN']
      delete process.env['TEST_HIDDEN']
    }
  })
})
