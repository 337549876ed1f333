import { Command, Option } from 'commander'
import type { ArtifactReport, Input } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { positiveInteger } from '../../options.ts'
import { shortIds } from '../../short-id.ts'
import { note, paint, print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

const STYLES = { unreviewed: undefined, accepted: 'green', rejected: 'red' } as const

const HEAD = ['ID', 'JOB', 'MADE', 'REVIEW', 'BYTES', 'SENSITIVITY', 'BY']
const REVIEW_COLUMN = HEAD.indexOf('REVIEW')

interface ListOptions {
  job?: string
  unreviewed?: true
  accepted?: true
  rejected?: true
  limit: number
  cursor?: string
  json?: true
}

/** `kith artifacts [list]`: what jobs have made, the newest first. */
export function listCommand(cli: CliContext): Command {
  const only = (name: string, others: string[]): Option =>
    new Option(`--${name}`, `only those that are ${name}`).conflicts(others)
  return new Command('list')
    .description('show what jobs have made, the newest first')
    .option('--job <name>', 'only those of this job')
    .addOption(only('unreviewed', ['accepted', 'rejected']))
    .addOption(only('accepted', ['unreviewed', 'rejected']))
    .addOption(only('rejected', ['unreviewed', 'accepted']))
    .option('-n, --limit <count>', 'show so many', positiveInteger, 20)
    .option('--cursor <id>', 'those that were made before this one')
    .option('--json', 'print one JSON object')
    .action(async (options: ListOptions) => {
      await listArtifacts(cli, options)
    })
}

export async function listArtifacts(cli: CliContext, options: ListOptions): Promise<void> {
  const { cursor, job, json, limit } = options
  const review = reviewOf(options)
  const page = await cli.client.call('artifacts', {
    limit,
    ...(cursor === undefined ? {} : { cursor }),
    ...(job === undefined ? {} : { job }),
    ...(review === undefined ? {} : { review }),
  })
  if (json === true) {
    printJson(cli, page)
    return
  }
  const { artifacts } = page
  if (artifacts.length === 0) print(cli, 'no results')
  else {
    const painted = (cell: string, row: number, column: number): string => {
      const style = column === REVIEW_COLUMN && STYLES[artifacts[row - 1]?.review ?? 'unreviewed']
      return style ? paint(cli, style, cell) : cell
    }
    const short = shortIds(artifacts.map(({ artifact }) => artifact))
    const rows = artifacts.map((report) => [short(report.artifact), ...cells(report)])
    print(cli, table([HEAD, ...rows], painted))
  }
  if (page.cursor !== undefined) {
    note(cli, `there are older ones: the same again with --cursor ${page.cursor}`)
  }
  if (artifacts.some((report) => report.review === 'unreviewed')) {
    note(cli, `to look at one: ${sameHome(cli, 'kith artifacts show ID')}; then approve or reject`)
  }
}

/** `model local/qwen3`, `command`. */
export function makerText({ engine, model }: Pick<ArtifactReport, 'engine' | 'model'>): string {
  return model === undefined ? engine : `${engine} ${model}`
}

function reviewOf({
  accepted,
  rejected,
  unreviewed,
}: ListOptions): Input<'artifacts'>['review'] | undefined {
  if (unreviewed === true) return 'unreviewed'
  if (accepted === true) return 'accepted'
  return rejected === true ? 'rejected' : undefined
}

function cells(report: ArtifactReport): string[] {
  const { cut, job, madeAt, review, sensitivity, sizeBytes } = report
  const size = `${sizeBytes}${cut === true ? ', cut' : ''}`
  return [job, timeText(madeAt), review, size, sensitivity, makerText(report)]
}
