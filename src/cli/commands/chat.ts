import { Command } from 'commander'
import { withLimits } from '../ask-limits.ts'
import type { ChatOptions } from '../chat/chat.ts'
import type { CliContext } from '../context.ts'

/** `kith chat [PEER]`: a conversation, line by line. */
export function chatCommand(cli: CliContext): Command {
  const command = new Command('chat')
    .description(
      'talk to a peer, or to this node: each line is an ask; /help says what else there is',
    )
    .argument('[name]', 'name of the peer, or self for this node', 'self')
    .option('--session <name>', 'the conversation to go on with; without it, a new one')
  return withLimits(command)
    .option('--raw', 'leave control characters in, unless the answer goes to a terminal')
    .option('--json', 'print one JSON object for each piece, and ask for nothing')
    .action(async (peer: string, options: ChatOptions) => {
      // It reads from a terminal: no other command has to wait for that to be loaded.
      const { chat } = await import('../chat/chat.ts')
      await chat(cli, peer, options)
    })
}
