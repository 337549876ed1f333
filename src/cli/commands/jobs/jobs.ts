import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { addCommand } from './add.ts'
import { editCommand } from './edit.ts'
import { feedCommand } from './feed.ts'
import { listCommand, showCommand } from './list.ts'
import { nextCommand } from './next.ts'
import { removeCommand } from './remove.ts'
import { cancelCommand, retryCommand, runCommand } from './run.ts'
import { runDueCommand } from './run-due.ts'
import { failuresCommand, runsCommand } from './runs.ts'
import { disableCommand, enableCommand, pauseCommand, resumeCommand } from './switch.ts'
import { exportCommand, importCommand } from './transfer.ts'

/** `kith jobs …`: what this node does by itself, and when. */
export function jobsCommand(cli: CliContext): Command {
  const jobs = new Command('jobs').description('what this node does by itself, and when')
  const commands = [
    listCommand,
    showCommand,
    addCommand,
    editCommand,
    removeCommand,
    enableCommand,
    disableCommand,
    pauseCommand,
    resumeCommand,
    nextCommand,
    runCommand,
    runDueCommand,
    runsCommand,
    failuresCommand,
    retryCommand,
    cancelCommand,
    feedCommand,
    importCommand,
    exportCommand,
  ]
  for (const command of commands)
    jobs.addCommand(command(cli), { isDefault: command === listCommand })
  return jobs
}
