import { Command } from 'commander'
import { singleLine, terminalSafe } from '../../../protocol/text.ts'
import type { CliContext } from '../../context.ts'
import { print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

/** Whose session it is. */
export interface SessionOptions {
  of: string
  json?: true
}

/** `kith sessions show NAME`: what was said in a session. */
export function showCommand(cli: CliContext): Command {
  return new Command('show')
    .description('show what was said in a session')
    .argument('<session>', 'name of the session')
    .option('--of <asker>', 'whose it is: name of a peer, or its node id', 'self')
    .option('--json', 'print one JSON object')
    .action(async (session: string, options: SessionOptions) => {
      await showSession(cli, session, options)
    })
}

export async function showSession(
  cli: CliContext,
  session: string,
  { json, of }: SessionOptions,
): Promise<void> {
  const view = await cli.client.call('showSession', { asker: of, session })
  if (json === true) {
    printJson(cli, view)
    return
  }
  const { messages, report, summary } = view
  print(
    cli,
    table([
      ['session', report.session],
      ['asker', report.asker],
      ['began', timeText(report.startedAt)],
      ['messages', `${report.messages} (${report.bytes} bytes)`],
      ['compacted', report.compactions === 1 ? 'once' : `${report.compactions} times`],
    ]),
  )
  if (summary !== undefined) print(cli, `\nsummary of what was said first:\n${indented(summary)}`)
  for (const { at, role, text } of messages) {
    const who = role === 'user' ? singleLine(report.asker, 64) : 'answer'
    print(cli, `\n${timeText(at)}  ${who}:\n${indented(text)}`)
  }
}

/** Each line moved in, so that no text can pass for the head of another. */
function indented(text: string): string {
  return terminalSafe(text).trimEnd().replaceAll(/^/gm, '    ')
}
