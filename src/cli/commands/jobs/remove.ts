import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { print, printJson } from '../../terminal.ts'
import { editJobs } from './reach.ts'

/** `kith jobs rm NAME`: takes a job out of jobs.yaml. Its runs stay listed. */
export function removeCommand(cli: CliContext): Command {
  return new Command('rm')
    .description('take a job out; what it ran stays in kith jobs runs')
    .argument('<name>', 'name of the job')
    .option('--json', 'print one JSON object')
    .action(async (name: string, { json }: { json?: true }) => {
      await editJobs(cli, { op: 'remove', name })
      if (json === true) printJson(cli, { removed: name })
      else print(cli, `${name} is no longer a job`)
    })
}
