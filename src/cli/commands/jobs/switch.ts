import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { note, print, printJson } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { editJobs, namedJob } from './reach.ts'

interface JsonOption {
  json?: true
}

/** `kith jobs enable NAME`: from now on it runs when it is due. */
export function enableCommand(cli: CliContext): Command {
  return onJob('enable', 'have a job run when it is due, from now on').action(
    async (name: string, options: JsonOption) => {
      await setEnabled(cli, name, true, options)
    },
  )
}

/** `kith jobs disable NAME`: its owner does not want it to run. */
export function disableCommand(cli: CliContext): Command {
  return onJob('disable', 'have a job run no more by itself; what is under way goes on').action(
    async (name: string, options: JsonOption) => {
      await setEnabled(cli, name, false, options)
    },
  )
}

/** `kith jobs pause NAME`: stops it until somebody resumes it, and says why. */
export function pauseCommand(cli: CliContext): Command {
  return onJob('pause', 'stop a job for a while; what is under way goes on')
    .option('--why <text>', 'why, for those who find it paused', 'no reason given')
    .action(async (name: string, { json, why }: JsonOption & { why: string }) => {
      const job = await cli.client.call('pauseJob', { job: name, why })
      if (json === true) printJson(cli, job)
      else {
        print(cli, `${name} is paused`)
        note(cli, `until: ${sameHome(cli, `kith jobs resume ${name}`)}`)
      }
    })
}

/** `kith jobs resume NAME`: what was due meanwhile is not made up for. */
export function resumeCommand(cli: CliContext): Command {
  return onJob(
    'resume',
    'let a paused job go on; what was due meanwhile is not made up for',
  ).action(async (name: string, { json }: JsonOption) => {
    const job = await cli.client.call('resumeJob', { job: name })
    if (json === true) {
      printJson(cli, job)
      return
    }
    print(cli, `${name} goes on${nextText(job.nextAt)}`)
    if (!job.enabled) note(cli, `it is off, too: ${sameHome(cli, `kith jobs enable ${name}`)}`)
  })
}

async function setEnabled(
  cli: CliContext,
  name: string,
  enabled: boolean,
  { json }: JsonOption,
): Promise<void> {
  const job = namedJob(await editJobs(cli, { op: 'change', name, changes: { enabled } }), name)
  if (json === true) {
    printJson(cli, job)
    return
  }
  print(cli, `${name} is ${enabled ? 'on' : 'off'}${nextText(enabled ? job.nextAt : undefined)}`)
  if (enabled && job.paused !== undefined) {
    note(cli, `it is paused, too: ${sameHome(cli, `kith jobs resume ${name}`)}`)
  }
}

function nextText(nextAt: number | undefined): string {
  return nextAt === undefined ? '' : `, next at ${timeText(nextAt)}`
}

function onJob(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument('<name>', 'name of the job')
    .option('--json', 'print the job as one JSON object')
}
