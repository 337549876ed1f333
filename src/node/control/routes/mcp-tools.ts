import { z } from 'zod'
import { nothing, route } from './route.ts'

const offered = z.strictObject({ description: z.string(), inputSchema: z.string() })

export const mcpServerReport = z.strictObject({
  server: z.string(),
  class: z.string(),
  tools: z.array(
    z.strictObject({
      tool: z.string(),
      state: z.enum(['unknown', 'offered', 'changed', 'missing', 'unfit']),
      /** What models are told of it, or were told before it changed. */
      offered: z.exactOptional(offered),
      changed: z.exactOptional(offered.extend({ hash: z.string() })),
    }),
  ),
  /** What it has besides, and is not allowed. */
  others: z.array(z.string()),
})

const serverPath = z.strictObject({ server: z.string().min(1).max(64) })

export const MCP_TOOL_ROUTES = {
  /** As far as is known: no server is started for it. */
  mcpTools: route('GET', '/v1/mcp-tools', nothing, z.array(mcpServerReport)),
  /** Starts a server, if it does not run. */
  lookAtMcpServer: route('POST', '/v1/mcp-tools/:server/look', serverPath, mcpServerReport),
  /** Takes changed tools, each by the hash of what the owner was shown; gives those that are offered again. */
  acceptMcpTools: route(
    'POST',
    '/v1/mcp-tools/:server/accept',
    serverPath.extend({ hashes: z.record(z.string(), z.string()) }),
    z.array(z.string()),
  ),
}

export type McpServerReport = z.infer<typeof mcpServerReport>
