import { Command } from 'commander'
import type { ArtifactReport } from '../../../node/control/api.ts'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { artifactOf } from '../../full-ids.ts'
import { print, printJson } from '../../terminal.ts'

interface JsonOption {
  json?: true
}

/** `kith artifacts approve ID`: a person has read it, and it may be used. */
export function approveCommand(cli: CliContext): Command {
  return new Command('approve')
    .description('accept a result that you have read; what waits for that is delivered')
    .argument('<id>', 'as kith artifacts has it')
    .option('--json', 'print one JSON object')
    .action(async (id: string, { json }: JsonOption) => {
      assertPerson(cli, 'kith artifacts approve')
      const call = { artifact: await artifactOf(cli, id), verdict: 'accepted' } as const
      tell(cli, await cli.client.call('reviewArtifact', call), json)
    })
}

/** `kith artifacts reject ID --why TEXT` */
export function rejectCommand(cli: CliContext): Command {
  return new Command('reject')
    .description('reject a result; what is not delivered yet and waits for a review never is')
    .argument('<id>', 'as kith artifacts has it')
    .requiredOption('--why <text>', 'why, for those who find it rejected')
    .option('--json', 'print one JSON object')
    .action(async (id: string, { json, why }: JsonOption & { why: string }) => {
      assertPerson(cli, 'kith artifacts reject')
      const call = {
        artifact: await artifactOf(cli, id),
        verdict: 'rejected',
        reason: why,
      } as const
      tell(cli, await cli.client.call('reviewArtifact', call), json)
    })
}

function tell(cli: CliContext, report: ArtifactReport, json: true | undefined): void {
  if (json === true) printJson(cli, report)
  else print(cli, `${report.artifact} is ${report.review}`)
}
