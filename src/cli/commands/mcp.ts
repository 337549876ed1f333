import { Command } from 'commander'
import type { CliContext } from '../context.ts'

/** `kith mcp`: lets an agent that speaks the Model Context Protocol ask peers. Ends with its standard input. */
export function mcpCommand(cli: CliContext): Command {
  return new Command('mcp')
    .description('let an agent ask your peers: a server of the Model Context Protocol over stdio')
    .action(async () => {
      // The protocol's library costs 0.1 s, which no other command is to pay.
      const { serveMcp } = await import('../mcp/server.ts')
      await serveMcp(cli)
    })
}
