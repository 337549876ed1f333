import assert from 'node:assert/strict'
import { childEnv } from '../../../src/agent/child.ts'
import type { McpReach } from '../../../src/agent/mcp/connection.ts'
import type { ToolMemory } from '../../../src/agent/mcp/known-tools.ts'
import { McpTools } from '../../../src/agent/mcp/mcp-tools.ts'
import type { McpServerInit, McpServerReport } from '../../../src/agent/mcp/mcp-tools.ts'
import type { OfferedTool } from '../../../src/agent/mcp/offered-tool.ts'
import type { Tool, ToolOutput } from '../../../src/agent/tools/tool.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { program } from '../../helpers/programs.ts'
import { askOf } from '../asks.ts'

/** The server of `test/helpers/mcp-server.ts`, as a program. */
export function programOf(cwd: string, mode = '', file = '', env: string[] = []): McpReach {
  const argv = [process.execPath, program('mcp-server'), mode, file] as const
  // It starts quicker from what the one before has compiled.
  return { program: { argv, cwd, env: childEnv(process.env, ['NODE_COMPILE_CACHE', ...env]) } }
}

export class MapMemory implements ToolMemory {
  readonly rows = new Map<string, OfferedTool>()

  async get(server: string, tool: string): Promise<OfferedTool | undefined> {
    return this.rows.get(`${server}/${tool}`)
  }

  async put(server: string, tool: string, offered: OfferedTool): Promise<void> {
    this.rows.set(`${server}/${tool}`, offered)
  }
}

/** Tools of one server called `notes`, and all that they have told. */
export class McpUnderTest {
  readonly clock = new ManualClock()
  readonly changes: string[] = []
  readonly faults: string[] = []
  readonly causes: Error[] = []
  readonly looked: McpServerReport[] = []
  readonly memory: MapMemory
  readonly mcp: McpTools

  constructor(
    init: Pick<McpServerInit, 'reach'> & Partial<McpServerInit>,
    { memory = new MapMemory(), timeoutMs }: { memory?: MapMemory; timeoutMs?: number } = {},
  ) {
    this.memory = memory
    this.mcp = new McpTools(
      {
        memory,
        onSchemaChange: (server, tool) => this.changes.push(`${server}/${tool}`),
        onFault: (_, cause) => {
          this.faults.push(cause.message)
          this.causes.push(cause)
        },
        onLooked: (report) => this.looked.push(report),
        redacted: (text) => text.replaceAll('cannot', '[secret]'),
        now: () => this.clock.now(),
        random: () => 0.5,
      },
      {
        servers: [{ name: 'notes', tools: ['echo'], class: 'exec', ...init }],
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      },
    )
  }

  /** Starts it, and resolves when its server was looked at. */
  async ready(): Promise<this> {
    await this.mcp.start()
    await this.look()
    return this
  }

  async look(): Promise<McpServerReport> {
    return await this.mcp.look('notes', new AbortController().signal)
  }

  get names(): string[] {
    return this.mcp.list().map(({ name }) => name)
  }

  tool(name: string): Tool {
    const tool = this.mcp.list().find((offered) => offered.name === `notes__${name}`)
    assert.ok(tool, `${name} is not offered`)
    return tool
  }

  async call(
    name: string,
    input: unknown = {},
    signal = new AbortController().signal,
  ): Promise<ToolOutput> {
    const plan = await this.tool(name).plan(input, askOf('anything'))
    return await plan.run(signal)
  }
}
