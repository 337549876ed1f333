import { z } from 'zod'
import type { ToolMemory } from '../../agent/mcp/known-tools.ts'
import type { OfferedTool } from '../../agent/mcp/offered-tool.ts'
import type { Database } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'

const toolSchema = z.strictObject({ description: z.string(), inputSchema: z.string() })

/** What was said of each tool of an MCP server when it was used first, by server and tool. */
export class McpToolStore implements ToolMemory {
  readonly #database: Database
  readonly #rows: Repository<z.infer<typeof toolSchema>>

  constructor(database: Database) {
    this.#database = database
    this.#rows = new Repository(database, 'mcp-tools', toolSchema)
  }

  /** @throws {KithError} `corrupt` */
  async get(server: string, tool: string): Promise<OfferedTool | undefined> {
    return await this.#rows.get(keyOf(server, tool))
  }

  /** @throws {KithError} `store-failed` */
  async put(
    server: string,
    tool: string,
    { description, inputSchema }: OfferedTool,
  ): Promise<void> {
    const row = this.#rows.put(keyOf(server, tool), { description, inputSchema })
    await this.#database.write([row], { durable: true })
  }
}

/** No name of a server has a slash. */
function keyOf(server: string, tool: string): string {
  return `${server}/${tool}`
}
