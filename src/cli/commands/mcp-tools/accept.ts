import { Command } from 'commander'
import type { McpServerReport } from '../../../node/control/api.ts'
import { terminalSafe } from '../../../protocol/text.ts'
import { confirm } from '../../confirm.ts'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { print, printJson } from '../../terminal.ts'

interface AcceptOptions {
  yes?: true
  json?: true
}

/** `kith mcp-tools accept SERVER`: shows what has changed in its tools, and takes that. */
export function acceptCommand(cli: CliContext): Command {
  return new Command('accept')
    .description('show what a server says of its tools now, and offer them so')
    .argument('<server>', 'its name in config.yaml')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON array of the tools that are offered again')
    .action(async (server: string, options: AcceptOptions) => {
      assertPerson(cli, 'kith mcp-tools accept')
      await acceptMcpTools(cli, server, options)
    })
}

export async function acceptMcpTools(
  cli: CliContext,
  server: string,
  { json, yes }: AcceptOptions,
): Promise<void> {
  const { tools } = await cli.client.call('lookAtMcpServer', { server })
  const hashes: Record<string, string> = {}
  for (const { changed, offered, tool } of tools) {
    if (changed === undefined) continue
    hashes[tool] = changed.hash
    if (json !== true) show(cli, tool, offered, changed)
  }
  const count = Object.keys(hashes).length
  if (count > 0) {
    await confirm(cli, `Offer ${count} as they are now?`, yes === true ? { yes } : {})
  }
  // By what was shown: what changes meanwhile stays withheld.
  const accepted = count === 0 ? [] : await cli.client.call('acceptMcpTools', { server, hashes })
  if (json === true) printJson(cli, accepted)
  else if (accepted.length === 0) print(cli, 'nothing to accept')
  else print(cli, `offered again: ${accepted.join(', ')}`)
}

type Offered = McpServerReport['tools'][number]['offered']

/** Both texts are the server's own. */
function show(cli: CliContext, tool: string, before: Offered, now: NonNullable<Offered>): void {
  print(cli, `${tool} was: ${indented(before?.description ?? '')}`)
  print(cli, `${tool} is:  ${indented(now.description)}`)
  if (before?.inputSchema === now.inputSchema) return
  print(cli, `${tool} took:  ${indented(before?.inputSchema ?? '')}`)
  print(cli, `${tool} takes: ${indented(now.inputSchema)}`)
}

/** So that no line of it can pass for one of ours. */
function indented(text: string): string {
  return terminalSafe(text).replaceAll('\n', '\n    ')
}
