import { Command } from 'commander'
import { KithError } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { note, print, printJson } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { changesOf, readWords, withJobOptions } from './job-options.ts'
import type { JobOptions } from './job-options.ts'
import { editJobs, namedJob } from './reach.ts'
import { ownZone, SCHEDULE_FLAGS } from './schedule-options.ts'
import { TARGET_FLAGS } from './target-options.ts'

interface AddOptions extends JobOptions {
  enable?: true
}

const EXAMPLES = `
Examples:
  kith jobs add morning --daily 07:30 --ask bob "what is new?"
  kith jobs add tidy --weekly sun@04:00 --zone Europe/Berlin --command -- tidy --all
  kith jobs add home --every 6h --backup --missed skip --attempts 3`

/** `kith jobs add NAME`: makes a job. A new job is off unless its owner says otherwise. */
export function addCommand(cli: CliContext): Command {
  const command = new Command('add')
    .description('make a job; it is off until kith jobs enable NAME')
    .argument('<name>', 'your name for it: a-z, 0-9 and -')
  return withJobOptions(command)
    .option('--enable', 'have it run when it is due, at once')
    .option('--json', 'print the job as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, words: string[], options: AddOptions) => {
      await addJob(cli, name, words, options)
    })
}

export async function addJob(
  cli: CliContext,
  name: string,
  words: readonly string[],
  options: AddOptions,
): Promise<void> {
  const { enable, json } = options
  const {
    schedule,
    target,
    zone = ownZone(),
    ...rest
  } = changesOf(options, await readWords(cli, words))
  if (schedule === undefined) throw missing(`say when: one of ${SCHEDULE_FLAGS}`)
  if (target?.kind === undefined) throw missing(`say what it does: one of ${TARGET_FLAGS}`)
  const job = {
    name,
    ...(enable === true ? { enabled: true } : {}),
    ...{ schedule, zone, ...rest, target },
  }
  const report = namedJob(await editJobs(cli, { op: 'add', job }), name)
  if (json === true) {
    printJson(cli, report)
    return
  }
  const next = report.nextAt === undefined ? '' : `, next at ${timeText(report.nextAt)}`
  print(cli, `${name} is made, and ${report.enabled ? `on${next}` : 'off'}`)
  if (!report.enabled) {
    note(cli, `to have it run when it is due: ${sameHome(cli, `kith jobs enable ${name}`)}`)
  }
  if (target.kind === 'backup') await noteMissing(cli)
}

/** Said when the job is made, and not when it first fails at night. */
async function noteMissing(cli: CliContext): Promise<void> {
  const { readConfig } = await import('../../../node/config.ts')
  const { recipients, to } = (await readConfig(cli.home.config, cli.env)).backup
  const say = (setting: string, command: string): void => {
    note(cli, `it fails until ${setting} is set: ${sameHome(cli, command)}`)
  }
  if (to === undefined) say('backup.to', 'kith config set backup.to DIR')
  if (recipients.length === 0) say('backup.recipients', 'kith backup keygen FILE')
}

function missing(what: string): KithError<'usage'> {
  return new KithError('usage', what, { what }, { hint: 'kith jobs add --help' })
}
