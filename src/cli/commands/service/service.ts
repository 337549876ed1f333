import { realpathSync } from 'node:fs'
import { Command, Option } from 'commander'
import { KithError } from '../../../protocol/errors.ts'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { collect } from '../../options.ts'
import { note, print, printJson } from '../../terminal.ts'
import { daemonEnv } from '../daemon/daemon-env.ts'

type ServiceKind = 'user' | 'system' | 'launchd'

/** The unit that is wanted. */
interface UnitRequest {
  kind: ServiceKind
  env: NodeJS.ProcessEnv
  program: readonly [node: string, script: string]
  /** Files of passphrases by profile. */
  credentials: ReadonlyMap<string, string>
  root?: string
}

interface ServiceOptions {
  user?: true
  system?: true
  launchd?: true
  passphraseFile?: string[]
  root?: string
  json?: true
}

/** `kith service`: has the daemon started by systemd or launchd. */
export function serviceCommand(cli: CliContext): Command {
  return new Command('service')
    .description('have the daemon started at boot or login, by systemd or launchd')
    .addCommand(
      withUnit('install', 'write its unit, and start it now and from now on').action(
        async (options: ServiceOptions) => {
          await change(cli, 'install', options)
        },
      ),
    )
    .addCommand(
      withKind('uninstall', 'stop it for good and remove its unit').action(
        async (options: ServiceOptions) => {
          await change(cli, 'uninstall', options)
        },
      ),
    )
    .addCommand(
      withUnit('print', 'print its unit, and change nothing').action(
        async (options: ServiceOptions) => {
          const { unitText } = await import('../../../node/service/service.ts')
          const unit = unitText(initOf(cli, options))
          if (options.json === true) printJson(cli, { unit })
          else cli.stdout.write(unit)
        },
      ),
    )
}

function withKind(name: string, description: string): Command {
  const kinds = ['user', 'system', 'launchd']
  const flag = (kind: string, what: string): Option =>
    new Option(`--${kind}`, what).conflicts(kinds.filter((other) => other !== kind))
  return new Command(name)
    .description(description)
    .addOption(flag('user', 'systemd, for this user; the default on Linux'))
    .addOption(flag('system', 'systemd, for the machine'))
    .addOption(flag('launchd', 'launchd, for this user; the default on macOS'))
    .option('--root <dir>', 'the folder that stands for /, as in an image')
    .option('--json', 'print one JSON object')
}

function withUnit(name: string, description: string): Command {
  return withKind(name, description).option(
    '--passphrase-file <profile=path>',
    'file from which systemd takes the passphrase of a profile; may be given again',
    collect,
  )
}

async function change(
  cli: CliContext,
  what: 'install' | 'uninstall',
  options: ServiceOptions,
): Promise<void> {
  assertPerson(cli, `kith service ${what}`)
  const { installService, uninstallService } = await import('../../../node/service/service.ts')
  const init = initOf(cli, options)
  const report = await (what === 'install' ? installService(init) : uninstallService(init))
  if (report.failed.length > 0) cli.exitCode = EXIT.failed
  if (options.json === true) {
    printJson(cli, report)
    return
  }
  print(cli, `${what === 'install' ? 'written' : 'removed'}: ${report.path}`)
  for (const command of report.ran) print(cli, `done:    ${command}`)
  for (const { command, why } of report.failed)
    note(cli, `failed, type it yourself: ${command} (${why})`)
}

function initOf(cli: CliContext, options: ServiceOptions): UnitRequest {
  const [node = process.execPath, script = ''] = cli.program
  return {
    kind: kindOf(options),
    env: daemonEnv(cli),
    // A link such as npm makes for a program may lead elsewhere tomorrow.
    program: [realpathSync(node), realpathSync(script)],
    credentials: new Map((options.passphraseFile ?? []).map(credential)),
    ...(options.root === undefined ? {} : { root: options.root }),
  }
}

function kindOf({ launchd, system, user }: ServiceOptions): ServiceKind {
  if (system === true) return 'system'
  if (launchd === true) return 'launchd'
  if (user === true) return 'user'
  return process.platform === 'darwin' ? 'launchd' : 'user'
}

function credential(text: string): [string, string] {
  const [, profile, path] = /^([a-z0-9][a-z0-9-]*)=(\/.+)$/.exec(text) ?? []
  if (profile !== undefined && path !== undefined) return [profile, path]
  const what = `${text}: say PROFILE=/PATH, with an absolute path`
  throw new KithError('usage', what, { what })
}
