import { Command, Option } from 'commander'
import type { ProfileDescription } from '../../../node/control/api.ts'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { note, print, printJson, table } from '../../terminal.ts'
import { daemonEnv } from '../daemon/daemon-env.ts'
import { init } from '../init.ts'

interface ProfileOptions {
  clear?: true
  passphraseStdin?: true
  listen?: string[]
  json?: true
}

/** `kith profile`: the nodes of this home, each with a folder of its own. */
export function profileCommand(cli: CliContext): Command {
  return new Command('profile')
    .description('show, make and remove the profiles of this home')
    .addCommand(
      new Command('list')
        .description('show every profile, and whether it runs')
        .option('--json', 'print one JSON array')
        .action(async ({ json }: ProfileOptions) => {
          const { describeProfiles } = await import('../../../node/daemon/profile-edits.ts')
          const all = await describeProfiles(daemonEnv(cli))
          if (json === true) printJson(cli, all)
          else if (all.length === 0) print(cli, 'there is none: kith init')
          else print(cli, table(all.map(rowOf)))
        }),
    )
    .addCommand(
      new Command('show')
        .description('show one profile')
        .argument('<name>', '`default` for the one without a name')
        .option('--json', 'print one JSON object')
        .action(async (name: string, { json }: ProfileOptions) => {
          const { describeProfile } = await import('../../../node/daemon/profile-edits.ts')
          const found = await describeProfile(daemonEnv(cli), name)
          if (json === true) printJson(cli, found)
          else print(cli, table(linesOf(found)))
        }),
    )
    .addCommand(createCommand(cli))
    .addCommand(
      new Command('remove')
        .description('move the home of a profile away; nothing is deleted')
        .argument('<name>', 'of the profile')
        .option('--json', 'print one JSON object')
        .action(async (name: string, { json }: ProfileOptions) => {
          assertPerson(cli, 'kith profile remove')
          const { removeProfile } = await import('../../../node/daemon/profile-edits.ts')
          const moved = await removeProfile(daemonEnv(cli), name, Date.now())
          if (json === true) {
            printJson(cli, { removed: name, movedTo: moved })
            return
          }
          print(cli, `${name} is removed: its home is now ${moved}`)
          note(cli, 'a daemon that runs lets go of it by kith daemon reload')
        }),
    )
}

function createCommand(cli: CliContext): Command {
  return new Command('create')
    .description('make a node in a profile of its own, on a port that no other one has')
    .argument('<name>', '1 to 64 of a-z, 0-9 and -')
    .addOption(
      new Option('--clear', 'keep the keys unsealed: whoever reads the disk has them').conflicts(
        'passphraseStdin',
      ),
    )
    .option('--passphrase-stdin', 'seal the keys with the first line of the standard input')
    .option('--json', 'print one JSON object')
    .action(async (name: string, options: ProfileOptions) => {
      const { planProfile } = await import('../../../node/daemon/profile-edits.ts')
      const { listen } = await planProfile(daemonEnv(cli), name)
      cli.globals = { ...cli.globals, profile: name }
      await init(cli, { ...options, name, listen }, `kith profile create ${name}`)
      note(cli, 'a daemon that runs takes it up by kith daemon reload')
    })
}

/** Each fits a terminal; ids and homes are in `kith profile show`. */
function rowOf(profile: ProfileDescription): string[] {
  const { failure, listen, name, problem } = profile
  return [name, stateOf(profile), problem ?? failure ?? listen.join(' ')]
}

function linesOf(profile: ProfileDescription): string[][] {
  const { failure, home, id, listen, name, node, problem } = profile
  const why = problem ?? failure
  return [
    ['profile', name],
    ['state', stateOf(profile)],
    ...(why === undefined ? [] : [['problem', why]]),
    ['node', node ?? '–'],
    ['id', id ?? '–'],
    ...listen.map((address, index) => [index === 0 ? 'listens' : '', address]),
    ['home', home],
  ]
}

function stateOf({ failure, running }: ProfileDescription): string {
  if (running) return 'runs'
  return failure === undefined ? 'off' : 'failed'
}
