import { Command } from 'commander'
import type { JobReport } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { onlineOrOffline } from '../../online-or-offline.ts'
import { canPrompt } from '../../passphrase.ts'
import { note, print, printJson } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { editText } from './editor.ts'
import { isEmpty } from './given.ts'
import { changesOf, readWords, withJobOptions } from './job-options.ts'
import type { JobOptions } from './job-options.ts'
import { editJobs, namedJob, sendJobs } from './reach.ts'

/** `kith jobs edit NAME`: changes what the options say or, without any, what is changed in an editor. */
export function editCommand(cli: CliContext): Command {
  const command = new Command('edit')
    .description('change a job; without options, in $VISUAL or $EDITOR')
    .argument('<name>', 'name of the job')
  return withJobOptions(command)
    .option('--json', 'print the job as one JSON object')
    .action(async (name: string, words: string[], options: JobOptions) => {
      await editJob(cli, name, words, options)
    })
}

export async function editJob(
  cli: CliContext,
  name: string,
  words: readonly string[],
  options: JobOptions,
): Promise<void> {
  const changes = { ...changesOf(options, await readWords(cli, words)) }
  const jobs = isEmpty(changes)
    ? await inEditor(cli, name)
    : await editJobs(cli, { op: 'change', name, changes })
  const job = namedJob(jobs, name)
  if (options.json === true) {
    printJson(cli, job)
    return
  }
  const next = job.nextAt === undefined ? '' : `, next at ${timeText(job.nextAt)}`
  print(cli, `${name} is ${job.enabled ? `on${next}` : 'off'}: ${job.schedule}, ${job.target}`)
  if (job.activeRun !== undefined) note(cli, 'the run under way goes on as it was begun')
}

/** All jobs after the owner has edited this one. */
async function inEditor(cli: CliContext, name: string): Promise<JobReport[]> {
  if (!canPrompt(cli)) {
    const what = 'without a terminal, say what changes'
    throw new KithError('usage', what, { what }, { hint: 'kith jobs edit --help' })
  }
  const shown = await onlineOrOffline(
    cli,
    (client) => client.call('showJob', { job: name }),
    (node) => node.showJob(cli.home, cli.env, name),
  )
  const edited = await editText(cli, `${name}.yaml`, asFile(shown.definition), (text, where) =>
    sendJobs(cli, where, { op: 'put', name, text }),
  )
  if (edited !== undefined) return edited
  note(cli, 'nothing was changed')
  return [shown]
}

/** A jobs.yaml that has this entry alone. */
function asFile(definition: string): string {
  const lines = definition.trimEnd().split('\n')
  const begins = lines.findIndex((line) => !/^(#|$)/.test(line))
  const entry = lines.map((line, at) =>
    line === '' ? '' : `${at === begins ? '  - ' : at < begins ? '  ' : '    '}${line}`,
  )
  return `version: 1\njobs:\n${entry.join('\n')}\n`
}
