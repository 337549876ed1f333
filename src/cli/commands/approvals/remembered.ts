import { Command } from 'commander'
import type { RememberedReport } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

interface ForgetOptions {
  all?: true
  json?: true
}

/** `kith approvals remembered`: the answers that hold for more than one call. */
export function rememberedCommand(cli: CliContext): Command {
  return new Command('remembered')
    .description('show what runs without asking you, since you said so')
    .option('--json', 'print one JSON array')
    .action(async ({ json }: { json?: true }) => {
      const answers = await cli.client.call('rememberedAnswers', {})
      if (json === true) printJson(cli, answers)
      else if (answers.length === 0) print(cli, 'nothing is remembered')
      else print(cli, table([['ID', 'FOR', 'SINCE', 'BY', 'TOOL', 'WHAT'], ...answers.map(row)]))
    })
}

/** `kith approvals forget ID` or `--all`: asks again from now on. */
export function forgetCommand(cli: CliContext): Command {
  return new Command('forget')
    .description('be asked again')
    .argument('[id]', 'as kith approvals remembered has it')
    .option('--all', 'forget all of them')
    .option('--json', 'print one JSON array of what was forgotten')
    .action(async (id: string | undefined, options: ForgetOptions) => {
      await forget(cli, id, options)
    })
}

async function forget(
  cli: CliContext,
  id: string | undefined,
  { all, json }: ForgetOptions,
): Promise<void> {
  if ((id === undefined) === (all === undefined)) {
    const what = 'give the id of an answer, or --all'
    throw new KithError('usage', what, { what }, { hint: 'kith approvals remembered' })
  }
  const kept = id === undefined ? await cli.client.call('rememberedAnswers', {}) : []
  const ids = id === undefined ? kept.map(({ approval }) => approval) : [id]
  const forgotten: RememberedReport[] = []
  for (const approval of ids) forgotten.push(await cli.client.call('forgetAnswer', { approval }))
  if (json === true) printJson(cli, forgotten)
  else print(cli, `forgot ${forgotten.length}`)
}

function row(report: RememberedReport): string[] {
  const { approval, asker, at, by, first, scope, session, tool, what } = report
  const who = first === undefined ? asker : `${first} > ${asker}`
  const whose = scope === 'session' && session !== undefined ? `${who}, ${session}` : who
  return [approval, whose, timeText(at), by, tool, what]
}
