import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { runOf } from '../../full-ids.ts'
import { note, print, printJson, table } from '../../terminal.ts'

/** `kith artifacts deliver RUN`: tries again what did not arrive. */
export function deliverCommand(cli: CliContext): Command {
  return new Command('deliver')
    .description('try again to deliver what did not arrive')
    .argument('<run>', 'the run whose result it is')
    .option('--json', 'print one JSON array')
    .action(async (run: string, { json }: { json?: true }) => {
      const again = await cli.client.call('deliverAgain', { run: await runOf(cli, run) })
      if (json === true) printJson(cli, again)
      else if (again.length === 0) print(cli, 'nothing to deliver again')
      else {
        print(cli, table(again.map(({ state, to }) => [to, state])))
        note(cli, `how it goes: ${sameHome(cli, `kith jobs runs --id ${run}`)}`)
      }
    })
}
