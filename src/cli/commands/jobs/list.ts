import { Command } from 'commander'
import type { JobReport } from '../../../node/control/api.ts'
import { terminalSafe } from '../../../protocol/text.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { onlineOrOffline } from '../../online-or-offline.ts'
import { paint, print, printJson, table } from '../../terminal.ts'
import type { Outputs } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { ownZone } from './schedule-options.ts'

/** What an owner has to look at stands out; what is off or waits does not. */
const STYLES = {
  disabled: undefined,
  waiting: undefined,
  busy: 'green',
  paused: 'yellow',
  failing: 'yellow',
  overdue: 'red',
  stuck: 'red',
} as const satisfies Record<JobReport['standing'], unknown>

const STANDING_COLUMN = 1

/** `kith jobs list`: all jobs, in the order of jobs.yaml. */
export function listCommand(cli: CliContext): Command {
  return new Command('list')
    .description('show all jobs: how they stand, when they are due, and what they do')
    .option('--json', 'print one JSON array')
    .action(async ({ json }: { json?: true }) => {
      const jobs = await onlineOrOffline(
        cli,
        (client) => client.call('jobs', {}),
        (node) => node.listJobs(cli.home, cli.env),
      )
      if (json === true) printJson(cli, jobs)
      else if (jobs.length === 0) {
        print(cli, `no jobs: ${sameHome(cli, 'kith jobs add --help')}`)
      } else print(cli, jobsTable(cli, jobs))
    })
}

/** `kith jobs show NAME`: all that is known of one job, and how it stands in jobs.yaml. */
export function showCommand(cli: CliContext): Command {
  return new Command('show')
    .description('show all that is known of one job, and its entry in jobs.yaml')
    .argument('<name>', 'name of the job')
    .option('--json', 'print one JSON object')
    .action(async (name: string, { json }: { json?: true }) => {
      const report = await onlineOrOffline(
        cli,
        (client) => client.call('showJob', { job: name }),
        (node) => node.showJob(cli.home, cli.env, name),
      )
      if (json === true) printJson(cli, report)
      else {
        print(cli, jobTable(cli, report))
        print(cli, `\nin jobs.yaml:\n${terminalSafe(report.definition).trimEnd()}`)
      }
    })
}

/** One line a job. */
export function jobsTable(
  outputs: Pick<Outputs, 'env' | 'stdout'>,
  jobs: readonly JobReport[],
): string {
  const rows = jobs.map((job) => [
    job.name,
    job.standing,
    job.nextAt === undefined ? '-' : timeText(job.nextAt),
    job.lastSuccessAt === undefined ? '-' : timeText(job.lastSuccessAt),
    job.zone === ownZone() ? job.schedule : `${job.schedule}, ${job.zone}`,
    job.target,
  ])
  return table(
    [['NAME', 'STATE', 'NEXT', 'LAST SUCCESS', 'WHEN', 'WHAT'], ...rows],
    (cell, row, column) => {
      const standing = jobs[row - 1]?.standing
      if (column !== STANDING_COLUMN || standing === undefined) return cell
      return standingText(outputs, standing, cell)
    },
  )
}

function jobTable(cli: CliContext, job: JobReport): string {
  const { activeRun, failures, lastSuccessAt, name, nextAt, paused, standing } = job
  return table(
    [
      ['name', name],
      ['state', standing],
      ...(paused === undefined
        ? []
        : [['paused', `by ${paused.who}, ${timeText(paused.at)}: ${paused.why}`]]),
      ['what', job.target],
      ['when', `${job.schedule}, ${job.zone}`],
      ...(nextAt === undefined ? [] : [['next', timeText(nextAt)]]),
      ...(activeRun === undefined ? [] : [['run', activeRun]]),
      ['last success', lastSuccessAt === undefined ? '-' : timeText(lastSuccessAt)],
      ...(failures === 0 ? [] : [['failures', `${failures} in a row`]]),
    ],
    (cell, row, column) => (row === 1 && column === 1 ? standingText(cli, standing, cell) : cell),
  )
}

function standingText(
  outputs: Pick<Outputs, 'env' | 'stdout'>,
  standing: JobReport['standing'],
  text: string,
): string {
  const style = STYLES[standing]
  return style === undefined ? text : paint(outputs, style, text)
}
