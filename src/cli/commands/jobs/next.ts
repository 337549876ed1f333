import { Command } from 'commander'
import type { Output } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { onlineOrOffline } from '../../online-or-offline.ts'
import { positiveInteger } from '../../options.ts'
import { note, print, printJson, table } from '../../terminal.ts'
import { timeText, zonedTime } from '../../time-text.ts'

interface NextOptions {
  count: number
  json?: true
}

/** `kith jobs next NAME`: the times at which a job is due, on the clocks of its zone. */
export function nextCommand(cli: CliContext): Command {
  return new Command('next')
    .description('show the times at which a job is due next, on the clocks of its zone')
    .argument('<name>', 'name of the job')
    .option('-n, --count <n>', 'how many', positiveInteger, 5)
    .option('--json', 'print one JSON object')
    .action(async (name: string, options: NextOptions) => {
      await next(cli, name, options)
    })
}

export async function next(
  cli: CliContext,
  name: string,
  { count, json }: NextOptions,
): Promise<void> {
  const report = await onlineOrOffline(
    cli,
    (client) => client.call('nextTimes', { job: name, count }),
    (node) => node.nextTimes(cli.home, cli.env, name, count),
  )
  if (json === true) printJson(cli, report)
  else if (report.times.length === 0) note(cli, `${name} is never due: somebody has to run it`)
  else print(cli, timesTable(report))
}

/** One line a time; what the clocks here show stands beside it if they differ from the zone's. */
export function timesTable({ times, zone }: Output<'nextTimes'>): string {
  const rows = times.map((at) => {
    const { offset, time } = zonedTime(at, zone)
    return { time, offset, here: timeText(at) }
  })
  const away = rows.some(({ here, time }) => here !== time)
  return table([
    [zone.toUpperCase(), 'FROM UTC', ...(away ? ['HERE'] : [])],
    ...rows.map(({ here, offset, time }) => [time, offset, ...(away ? [here] : [])]),
  ])
}
