import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { print, printJson } from '../../terminal.ts'
import type { SessionOptions } from './show.ts'

/** `kith sessions remove NAME`: forgets all that was said in a session. */
export function removeCommand(cli: CliContext): Command {
  return new Command('remove')
    .description('forget all that was said in a session')
    .argument('<session>', 'name of the session')
    .option('--of <asker>', 'whose it is: name of a peer, or its node id', 'self')
    .option('--json', 'print one JSON object')
    .action(async (session: string, options: SessionOptions) => {
      await removeSession(cli, session, options)
    })
}

export async function removeSession(
  cli: CliContext,
  session: string,
  { json, of }: SessionOptions,
): Promise<void> {
  const report = await cli.client.call('removeSession', { asker: of, session })
  if (json === true) printJson(cli, report)
  else print(cli, `forgot ${report.session} of ${report.asker}: ${report.messages} messages`)
}
