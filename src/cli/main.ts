import { Command, CommanderError, Help } from 'commander'
import { KithError } from '../protocol/errors.ts'
import { nearest } from '../protocol/nearest.ts'
import { VERSION } from '../protocol/software.ts'
import { noteRefusal } from './assert-person.ts'
import { besideDaemon } from './beside-daemon.ts'
import { alertsCommand } from './commands/alerts/alerts.ts'
import { approvalsCommand } from './commands/approvals/approvals.ts'
import { artifactsCommand } from './commands/artifacts/artifacts.ts'
import { asksCommand } from './commands/asks/asks.ts'
import { askCommand } from './commands/ask.ts'
import { auditCommand } from './commands/audit/audit.ts'
import { backupCommand } from './commands/backup/backup.ts'
import { breakerCommand } from './commands/breaker/breaker.ts'
import { budgetCommand } from './commands/budget/budget.ts'
import { chatCommand } from './commands/chat.ts'
import { configCommand } from './commands/config/config.ts'
import { daemonCommand } from './commands/daemon/daemon.ts'
import { dashboardCommand } from './commands/dashboard.ts'
import { demoCommand } from './commands/demo.ts'
import { diffCommand } from './commands/diff.ts'
import { digestCommand } from './commands/digest.ts'
import { doctorCommand } from './commands/doctor.ts'
import { fleetCommand } from './commands/fleet/fleet.ts'
import { healthCommand } from './commands/health.ts'
import { idCommand } from './commands/id.ts'
import { initCommand } from './commands/init.ts'
import { keyCommand } from './commands/key/key.ts'
import { inviteCommand } from './commands/invites/invite.ts'
import { invitesCommand } from './commands/invites/invites.ts'
import { jobsCommand } from './commands/jobs/jobs.ts'
import { joinCommand } from './commands/invites/join.ts'
import { logsCommand } from './commands/logs.ts'
import { mcpCommand } from './commands/mcp.ts'
import { mcpToolsCommand } from './commands/mcp-tools/mcp-tools.ts'
import { memoryCommand } from './commands/memory/memory.ts'
import { migrationsCommand } from './commands/migrations/migrations.ts'
import { modelsCommand } from './commands/models/models.ts'
import { peersCommand } from './commands/peers/peers.ts'
import { pingCommand } from './commands/ping.ts'
import { profileCommand } from './commands/profile/profile.ts'
import { recoverCommand } from './commands/recover.ts'
import { restoreCommand } from './commands/restore.ts'
import { serviceCommand } from './commands/service/service.ts'
import { sessionsCommand } from './commands/sessions/sessions.ts'
import { smokeCommand } from './commands/smoke.ts'
import { startCommand } from './commands/start.ts'
import { statusCommand } from './commands/status.ts'
import { stopCommand } from './commands/stop.ts'
import { tokenCommand } from './commands/token/token.ts'
import { processContext } from './context.ts'
import type { CliContext, GlobalOptions } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { tellFailure } from './tell-failure.ts'

/** All commands, in the order of the help, by what they are about. */
const COMMANDS: Readonly<Record<string, readonly ((cli: CliContext) => Command)[]>> = {
  'This node': [
    initCommand,
    idCommand,
    startCommand,
    stopCommand,
    statusCommand,
    healthCommand,
    dashboardCommand,
    tokenCommand,
    doctorCommand,
    migrationsCommand,
    daemonCommand,
    serviceCommand,
    profileCommand,
    configCommand,
    demoCommand,
    smokeCommand,
  ],
  'What waits for you': [alertsCommand, approvalsCommand],
  'What has happened': [logsCommand, diffCommand, digestCommand, auditCommand],
  Peers: [inviteCommand, joinCommand, invitesCommand, peersCommand, pingCommand, fleetCommand],
  'Ask and answer': [askCommand, chatCommand, asksCommand, sessionsCommand, memoryCommand],
  'Models and tools': [modelsCommand, budgetCommand, breakerCommand, mcpCommand, mcpToolsCommand],
  'What it does by itself': [jobsCommand, artifactsCommand],
  'Keys and backups': [keyCommand, backupCommand, restoreCommand, recoverCommand],
}

const EPILOGUE = `
Exit codes: 0 ok, 1 failed, 2 usage, 3 the peer did not answer, 4 the peer
refused, 5 refused by our own rules, 6 no node is running, 7 a person is needed,
75 try again later.`

/** Runs the command line `argv` (program and script first) and gives its exit code. */
export async function main(argv: string[]): Promise<number> {
  return await runCommandLine(processContext(argv), argv)
}

/** `main` in a given world. A failure of whatever kind is told here and nowhere else. */
export async function runCommandLine(cli: CliContext, argv: string[]): Promise<number> {
  try {
    await programFor(cli).parseAsync(argv)
    return cli.exitCode
  } catch (err) {
    if (err instanceof CommanderError) return err.exitCode === 0 ? EXIT.ok : EXIT.usage
    await noteRefusal(cli, err)
    return tellFailure(cli, await besideDaemon(cli, err), { json: wantsJson(argv) })
  }
}

function programFor(cli: CliContext): Command {
  const program = new Command('kith')
    .description('A peer-to-peer agent mesh node: pinned peers, no registry, no cloud.')
    .version(VERSION)
    .option('-p, --profile <name>', 'which of the nodes of this home, or KITH_PROFILE')
    .option('--home <dir>', 'where the node is, instead of KITH_HOME or ~/.kith')
    .commandsGroup('This node:')
    .helpCommand('help [command]', 'say what a command does, and its options')
    .addHelpText('after', EPILOGUE)
    .hook('preAction', (_program, command) => {
      cli.globals = program.opts<GlobalOptions>()
      // A daemon outlives the reader of its log, and a job the reader of its end.
      if (!['start', 'run-due'].includes(command.name())) endWithReader(cli)
    })
  for (const [group, commands] of Object.entries(COMMANDS)) {
    for (const command of commands) program.addCommand(command(cli).helpGroup(`${group}:`))
  }
  settle(program, cli)
  return program
}

/** Lets `command` and those below it throw what is wrong with a command line, instead of writing it and exiting. */
function settle(command: Command, cli: CliContext): void {
  command
    .configureHelp({ subcommandTerm })
    .exitOverride((err) => {
      throw err.exitCode === 0 || err.code === 'commander.help' ? err : usageFailure(command, err)
    })
    .configureOutput({
      writeOut: (text) => cli.stdout.write(text),
      writeErr: (text) => cli.stderr.write(text),
      outputError: () => undefined,
    })
  for (const child of command.commands) settle(child, cli)
}

/** `ask <name> <text>`: that it has options is said in its own help. */
function subcommandTerm(command: Command): string {
  return new Help().subcommandTerm(command).replace(' [options]', '')
}

/** Commander's message without its frame; the nearest name that it knows as a hint. */
function usageFailure(command: Command, err: CommanderError): KithError<'usage'> {
  const [message = '', ...rest] = err.message.replace(/^error: /, '').split('\n')
  const near = /Did you mean (?:one of )?([\w-]+)/.exec(rest.join(' '))?.[1]
  const path = pathOf(command)
  const { parent } = command
  // What was meant for a command among its siblings went to the one that stands for all of them.
  const [first = ''] = command.args
  if (err.code === 'commander.excessArguments' && parent !== null && parent.args[0] === first) {
    const what = `unknown command '${first}'`
    const known =
      nearest(
        first,
        parent.commands.map((sibling) => sibling.name()),
      ) ?? '--help'
    return new KithError(
      'usage',
      what,
      { what },
      { cause: err, hint: `${pathOf(parent)} ${known}` },
    )
  }
  // `kith restart` means no `kith restore`: one that is a command of one group alone is that.
  const groups = command.commands.filter((group) =>
    group.commands.some((child) => child.name() === first),
  )
  if (err.code === 'commander.unknownCommand' && groups.length === 1) {
    const hint = `${path} ${groups[0]?.name() ?? ''} ${first}`
    return new KithError('usage', message, { what: message }, { cause: err, hint })
  }
  const hint =
    near === undefined ? `${path} --help` : near.startsWith('-') ? near : `${path} ${near}`
  return new KithError('usage', message, { what: message }, { cause: err, hint })
}

/** `kith peers add`. */
function pathOf(command: Command): string {
  const { parent } = command
  return parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`
}

function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end === -1 ? undefined : end).includes('--json')
}

/** `kith asks list | head -1` ends as other programs do when nobody reads on: 128 + SIGPIPE. */
function endWithReader({ stdout }: CliContext): void {
  stdout.on('error', (err: NodeJS.ErrnoException) => {
    if (err.code === 'EPIPE') process.exit(141)
    throw err
  })
}
