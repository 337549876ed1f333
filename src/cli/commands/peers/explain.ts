import { Command } from 'commander'
import { terminalSafe } from '../../../protocol/text.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { onlineOrOffline } from '../../online-or-offline.ts'
import { print, printJson } from '../../terminal.ts'

/** `kith peers explain NAME VERB`: which rule decides. Calls nobody. Exits 5 when the answer is no. */
export function explainCommand(cli: CliContext): Command {
  return new Command('explain')
    .description('say whether a peer may make a call here, and which rule decides; calls nobody')
    .argument('<name>', 'name of the peer')
    .argument('<verb>', 'such as ping, ask or status')
    .option('--json', 'print one JSON object')
    .action(async (name: string, verb: string, options: { json?: true }) => {
      await explain(cli, name, verb, options)
    })
}

export async function explain(
  cli: CliContext,
  name: string,
  verb: string,
  { json }: { json?: true },
): Promise<void> {
  const report = await onlineOrOffline(
    cli,
    (client) => client.call('explain', { name, verb }),
    (node) => node.explain(cli.home, name, verb),
  )
  if (!report.allowed) cli.exitCode = EXIT.refusedHere
  if (json === true) {
    printJson(cli, report)
    return
  }
  const { allowed, peer, rule, why } = report
  const call = `${/^[aeiou]/.test(verb) ? 'an' : 'a'} ${verb} by ${peer}`
  const answer = allowed ? `yes: ${call} is allowed` : `no: ${call} is refused`
  print(cli, terminalSafe(`${answer} by the rule ${rule}: ${why}`))
}
