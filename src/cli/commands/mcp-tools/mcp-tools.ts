import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { acceptCommand } from './accept.ts'
import { listCommand } from './list.ts'

/** `kith mcp-tools …`: what this node may use of the MCP servers in its config. */
export function mcpToolsCommand(cli: CliContext): Command {
  const tools = new Command('mcp-tools').description(
    'what this node may use of the MCP servers in its config',
  )
  for (const command of [listCommand, acceptCommand])
    tools.addCommand(command(cli), { isDefault: command === listCommand })
  return tools
}
