import { Command, Option } from 'commander'
import type { Input } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { positiveInteger, since } from '../../options.ts'
import { runOf } from '../../full-ids.ts'
import { note, print, printJson } from '../../terminal.ts'
import { runsTable, runTable } from './runs-table.ts'

type Cause = NonNullable<Input<'runs'>['cause']>

/** Here because the schema that has them too costs a command 50 ms. */
const CAUSES: Readonly<Record<Cause, true>> = {
  schedule: true,
  'catch-up': true,
  feed: true,
  manual: true,
  peer: true,
  retry: true,
}

interface RunsOptions {
  failed?: true
  cause?: Cause
  by?: string
  /** In ms since the epoch. */
  since?: number
  until?: number
  limit: number
  cursor?: string
  json?: true
}

/** `kith jobs runs [NAME]`: what ran, the newest first. */
export function runsCommand(cli: CliContext): Command {
  return withFilters(new Command('runs'))
    .description('show what ran or waits to, the newest first')
    .option('--failed', 'only those that failed')
    .option('--id <run>', 'all that is known of this one')
    .action(async (name: string | undefined, { id, ...options }: RunsOptions & { id?: string }) => {
      await (id === undefined ? runs(cli, name, options) : showRun(cli, id, options.json))
    })
}

/** `kith jobs failures [NAME]`: the same as `runs --failed`. */
export function failuresCommand(cli: CliContext): Command {
  return withFilters(new Command('failures'))
    .description('show the runs that failed, the newest first')
    .action(async (name: string | undefined, options: RunsOptions) => {
      await runs(cli, name, { ...options, failed: true })
    })
}

export async function runs(
  cli: CliContext,
  name: string | undefined,
  { json, ...query }: RunsOptions,
): Promise<void> {
  const page = await cli.client.call('runs', {
    ...query,
    ...(name === undefined ? {} : { job: name }),
  })
  if (json === true) {
    printJson(cli, page)
    return
  }
  if (page.runs.length > 0) print(cli, runsTable(cli, page.runs))
  else print(cli, query.failed === true ? 'no runs that failed' : 'no runs')
  if (page.cursor !== undefined) {
    note(cli, `there are older ones: the same again with --cursor ${page.cursor}`)
  }
  const [failed] = query.failed === true ? page.runs : []
  if (failed !== undefined) {
    note(cli, `to do the work of one again: ${sameHome(cli, 'kith jobs retry RUN')}`)
  }
}

async function showRun(cli: CliContext, id: string, json: true | undefined): Promise<void> {
  const report = await cli.client.call('showRun', { run: await runOf(cli, id) })
  if (json === true) printJson(cli, report)
  else print(cli, runTable(cli, report))
}

function withFilters(command: Command): Command {
  return command
    .argument('[name]', 'only those of this job')
    .addOption(
      new Option('--cause <cause>', 'only those with this cause').choices(Object.keys(CAUSES)),
    )
    .option('--by <who>', 'only those that this peer wanted, or self')
    .option('--since <time>', 'only those since then: 2d, 2026-11-21, 2026-11-21T09:00:00Z', since)
    .option('--until <time>', 'only those up to then', since)
    .option('-n, --limit <n>', 'how many at most', positiveInteger, 20)
    .option('--cursor <run>', 'go on where the page before ended')
    .option('--json', 'print one JSON object')
}
