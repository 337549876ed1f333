import { Command, Option } from 'commander'
import type { Input } from '../../../node/control/api.ts'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { seconds } from '../../options.ts'
import { note, print, printJson } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

interface CreateOptions extends Pick<Input<'createToken'>, 'scope' | 'preset'> {
  /** From now on, in seconds. */
  expires?: number
  json?: true
}

/** `kith token create NAME`: a token, which is shown this once. */
export function createCommand(cli: CliContext): Command {
  return new Command('create')
    .description('make a token, and show it this once')
    .argument('<name>', 'what you call it')
    .addOption(
      new Option('--scope <scope>', 'read: look at all; tasks: its own tasks; admin: everything')
        .choices(['read', 'tasks', 'admin'])
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--preset <preset>', 'most that the tools of its tasks may do')
        .choices(['none', 'read-only', 'write', 'full'])
        .default('none'),
    )
    .option('--expires <time>', 'when it ends: 90d, 12h; never without it', seconds)
    .option('--json', 'print one JSON object')
    .action(async (name: string, options: CreateOptions) => {
      await createToken(cli, name, options, Date.now())
    })
}

export async function createToken(
  cli: CliContext,
  name: string,
  { expires, json, preset, scope }: CreateOptions,
  now: number,
): Promise<void> {
  assertPerson(cli, 'making a token')
  const end = expires === undefined ? {} : { expiresAt: now + expires * 1_000 }
  const made = await cli.client.call('createToken', { name, scope, preset, ...end })
  if (json === true) {
    printJson(cli, made)
    return
  }
  print(cli, made.text)
  const until =
    made.expiresAt === undefined ? 'until you revoke it' : `until ${timeText(made.expiresAt)}`
  note(cli, `this is shown once. It is good ${until}: kith token revoke ${name}`)
}
