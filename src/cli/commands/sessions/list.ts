import { Command } from 'commander'
import type { SessionReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

/** `kith sessions list`: the sessions of every asker, the one that was used last first. */
export function listCommand(cli: CliContext): Command {
  return new Command('list')
    .description('show the sessions of every asker, the one that was used last first')
    .option('--json', 'print one JSON array')
    .action(async (options: { json?: true }) => {
      await listSessions(cli, options)
    })
}

export async function listSessions(cli: CliContext, { json }: { json?: true }): Promise<void> {
  const sessions = await cli.client.call('sessions', {})
  if (json === true) printJson(cli, sessions)
  else if (sessions.length === 0) print(cli, 'no sessions')
  else {
    const head = ['ASKER', 'SESSION', 'MESSAGES', 'BYTES', 'LAST']
    print(cli, table([head, ...sessions.map(row)]))
  }
}

function row({ asker, bytes, lastAt, messages, session }: SessionReport): string[] {
  return [asker, session, String(messages), String(bytes), timeText(lastAt)]
}
