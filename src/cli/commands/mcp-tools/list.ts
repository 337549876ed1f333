import { Command } from 'commander'
import type { McpServerReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { note, print, printJson, table } from '../../terminal.ts'

/** `kith mcp-tools list [SERVER]`: the tools that are allowed, and how they stand; what else that server has. */
export function listCommand(cli: CliContext): Command {
  return new Command('list')
    .description('show which tools of MCP servers are allowed, and how they stand')
    .argument('[server]', 'start this one, and show all that it has')
    .option('--json', 'print one JSON array')
    .action(async (server: string | undefined, options: { json?: true }) => {
      await listMcpTools(cli, server, options)
    })
}

export async function listMcpTools(
  cli: CliContext,
  server: string | undefined,
  { json }: { json?: true },
): Promise<void> {
  const reports =
    server === undefined
      ? await cli.client.call('mcpTools', {})
      : [await cli.client.call('lookAtMcpServer', { server })]
  if (json === true) {
    printJson(cli, reports)
    return
  }
  const rows = reports.flatMap((report) => rowsOf(report, server !== undefined))
  if (rows.length === 0) print(cli, reports.length === 0 ? 'no MCP servers' : 'no tools')
  else print(cli, table([['SERVER', 'TOOL', 'CLASS', 'STATE'], ...rows]))
  for (const { server: name, tools } of reports) {
    if (tools.some(({ state }) => state === 'changed')) {
      note(cli, `what has changed: kith mcp-tools accept ${name}`)
    }
  }
}

function rowsOf(
  { class: toolClass, others, server, tools }: McpServerReport,
  all: boolean,
): string[][] {
  return [
    ...tools.map(({ state, tool }) => [server, tool, toolClass, state]),
    ...(all ? others.map((tool) => [server, tool, '-', 'not allowed']) : []),
  ]
}
