import { Command } from 'commander'
import type { SettingReport } from '../../../node/control/api.ts'
import { isFailure } from '../../../protocol/errors.ts'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { note, print, printJson, table } from '../../terminal.ts'

interface ConfigOptions {
  json?: true
}

/** `kith config`: what is set, where it comes from, and when a change of it counts. */
export function configCommand(cli: CliContext): Command {
  return new Command('config')
    .description('show and change the settings of this home')
    .addCommand(
      withJson(
        new Command('list').description('show every setting and where it comes from'),
      ).action(async (options: ConfigOptions) => {
        const { settingText } = await import('../../../node/settings.ts')
        show(cli, await settingsOf(cli), settingText, options)
      }),
      { isDefault: true },
    )
    .addCommand(
      withJson(new Command('get').description('show a setting, or all below a key'))
        .argument('<key>', 'such as log.level')
        .action(async (key: string, options: ConfigOptions) => {
          const { below, settingText } = await import('../../../node/settings.ts')
          show(cli, below(await settingsOf(cli), key), settingText, options)
        }),
    )
    .addCommand(
      withJson(new Command('set').description('change a setting in config.yaml'))
        .argument('<key>', 'such as log.level')
        .argument('<value>', 'as YAML: text, a number, true, or [a, b]')
        .action(async (key: string, value: string, options: ConfigOptions) => {
          await change(cli, key, value, options)
        }),
    )
    .addCommand(
      withJson(new Command('unset').description('take a setting out of config.yaml'))
        .argument('<key>', 'such as log.level')
        .action(async (key: string, options: ConfigOptions) => {
          await change(cli, key, undefined, options)
        }),
    )
}

/** Those of the node that runs, its flags and environment too; else those that a node would start with. */
async function settingsOf(cli: CliContext): Promise<SettingReport[]> {
  try {
    const settings = await cli.client.call('settings', {})
    if (settings.length > 0) return settings
  } catch (err) {
    if (!isFailure(err, 'daemon-not-running')) throw err
  }
  const { listSettings } = await import('../../../node/settings.ts')
  return await listSettings(cli.home, cli.env)
}

function withJson(command: Command): Command {
  return command.option('--json', 'print JSON')
}

function show(
  cli: CliContext,
  settings: readonly SettingReport[],
  text: (value: unknown) => string,
  { json }: ConfigOptions,
): void {
  if (json === true) {
    printJson(cli, settings)
    return
  }
  const rows = settings.map(({ key, name, reload, source, value, ...rest }) => {
    const waits = 'inForce' in rest ? `, ${text(rest.inForce)} until then` : ''
    return [key, text(value), name ?? source, `${reload}${waits}`]
  })
  print(cli, table(rows))
}

async function change(
  cli: CliContext,
  key: string,
  value: string | undefined,
  { json }: ConfigOptions,
): Promise<void> {
  assertPerson(cli, `kith config ${value === undefined ? 'unset' : 'set'}`)
  const { editSetting, settingText } = await import('../../../node/settings.ts')
  const setting = await editSetting(cli.home, cli.env, key, value)
  if (json === true) {
    printJson(cli, setting)
    return
  }
  show(cli, [setting], settingText, {})
  if (value !== undefined && setting.name !== undefined) {
    note(cli, `${setting.name} in the environment is over the file`)
  }
  if (setting.reload === 'restart') note(cli, 'a node that runs takes it at its next start')
}
