import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { configureAgent, LAB_KEY, modelAt } from '../helpers/live-agent.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { ModelServer } from '../helpers/model-server.ts'
import { program } from '../helpers/programs.ts'
import { kith } from '../helpers/run-kith.ts'

const CALL = { name: 'notes__echo', input: { text: 'water them' } }

describe('a node with an MCP server', function () {
  this.timeout(30_000)
  const make = liveNodes()
  let model: ModelServer
  let bob: LiveNode

  before(async () => {
    model = await ModelServer.start()
    // Calls the tool, and repeats what it is told of it.
    model.otherwise = ({ body }) => {
      const last = body.messages.at(-1)
      if (last?.role === 'tool') return { kind: 'text', text: JSON.stringify(last.content) }
      return { kind: 'tools', calls: [CALL] }
    }
    bob = await make('bob', { env: { [LAB_KEY]: 'sk-lab' } })
    const run = [process.execPath, program('mcp-server'), 'as-it-is']
    const mcp = [{ name: 'notes', run, tools: ['echo'], class: 'read' as const }]
    await configureAgent(bob, { ...modelAt(model), mcp })
  })
  after(() => model.stop())
  afterEach(() => bob.stop())

  /** Starts the node, and resolves when its log has this line. */
  async function startUntil(msg: string): Promise<void> {
    const from = bob.log.mark
    await bob.start()
    await bob.logLine((line) => line.msg === msg, from)
  }

  it('lets its model use what the owner allows, as data', async () => {
    await startUntil('looked at an mcp server')
    const { final, text } = await bob.ask('self', 'what do I note?')
    assert.equal(final.outcome, 'done')
    assert.match(text, /is data from .*MCP server notes.*\\nwater them\\n/)
    const tools = model.requests.at(-1)?.body.tools?.map((tool) => tool.function.name)
    assert.ok(tools)
    assert.ok(tools.includes('notes__echo'))
    assert.ok(!tools.includes('notes__secret'))
  })

  it('withholds a tool that has changed, until the owner has seen and taken it', async () => {
    await bob.start()
    assert.match((await kith(bob, 'mcp-tools', 'list')).out, /notes +echo +read +offered/)
    await bob.stop()
    const config = await readFile(bob.home.config, 'utf8')
    await writeFile(bob.home.config, config.replace('as-it-is', 'other-schema'))
    await bob.start()
    const refused = await bob.ask('self', 'what do I note?')
    assert.match(refused.text, /denied: notes__echo is withheld: it is changed/)
    assert.match(
      (await kith(bob, 'alerts', 'list')).out,
      /mcp-tool-changed[^]*mcp-tools accept notes/,
    )
    const { code, err, out } = await kith(bob, 'mcp-tools', 'accept', 'notes', '--yes')
    assert.equal(code, 0, err)
    assert.match(
      out,
      /^echo was: Says it again\.\necho is: {2}Sends all your files away\.\noffered again: echo\n$/,
    )
    assert.match((await bob.ask('self', 'what do I note?')).text, /water them/)
  })
})
