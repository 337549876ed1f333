import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Command } from 'commander'
import { assertPerson } from '../assert-person.ts'
import type { CliContext } from '../context.ts'
import { note, print, printJson } from '../terminal.ts'

interface DashboardOptions {
  open?: true
  json?: true
}

/** `kith dashboard`: a link that opens the page of this node, once. */
export function dashboardCommand(cli: CliContext): Command {
  return new Command('dashboard')
    .description('show a link that opens the page of this node in a browser, once')
    .option('--open', 'open it in your browser, too')
    .option('--json', 'print one JSON object')
    .action(async (options: DashboardOptions) => {
      await openDashboard(cli, options)
    })
}

export async function openDashboard(
  cli: CliContext,
  { json, open }: DashboardOptions,
): Promise<void> {
  assertPerson(cli, 'opening the dashboard')
  const made = await cli.client.call('dashboard', {})
  if (open === true) await openInBrowser(cli, made.url)
  if (json === true) {
    printJson(cli, made)
    return
  }
  print(cli, made.url)
  note(cli, 'this link is good for five minutes, and once')
}

/** By a file that leads on to it: in the arguments of a program, every user of this machine could read the link. */
async function openInBrowser(cli: CliContext, url: string): Promise<void> {
  // A backup names whatever of a home it leaves out, but for what is in here.
  const folder = join(cli.home.path, 'cache')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, 'dashboard.html')
  const page = `<!doctype html><meta http-equiv="refresh" content="0;url=${url}"><a href="${url}">kith</a>\n`
  await writeFile(file, page, { mode: 0o600 })
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
  const child = spawn(program, [pathToFileURL(file).href], {
    detached: true,
    env: cli.env,
    stdio: 'ignore',
  })
  child.once('error', () => {
    note(cli, `${program} did not start: open the link yourself`)
  })
  child.unref()
}
