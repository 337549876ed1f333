import type { McpTools } from '../../../agent/mcp/mcp-tools.ts'
import type { MCP_TOOL_ROUTES } from '../routes/mcp-tools.ts'
import type { HandlersOf } from '../routes/route.ts'

export interface McpToolNode {
  readonly agent: { mcp: Pick<McpTools, 'accept' | 'look' | 'reports'> }
}

export function mcpToolHandlers(node: McpToolNode): HandlersOf<typeof MCP_TOOL_ROUTES> {
  return {
    mcpTools: async () => node.agent.mcp.reports(),
    lookAtMcpServer: async ({ server }, signal) => await node.agent.mcp.look(server, signal),
    acceptMcpTools: async ({ hashes, server }) => await node.agent.mcp.accept(server, hashes),
  }
}
