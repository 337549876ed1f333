import { Command } from 'commander'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { print, printJson } from '../../terminal.ts'

interface ConfirmOptions {
  words?: string
  json?: true
}

/** `kith peers confirm NAME`: writes down that two people have compared words. */
export function confirmCommand(cli: CliContext): Command {
  return new Command('confirm')
    .description('say that you have compared words with the owner of a peer')
    .argument('<name>', 'name of the peer')
    .option('--words <words>', 'those that you were told: they are compared with those seen here')
    .option('--json', 'print the peer as one JSON object')
    .action(async (name: string, options: ConfirmOptions) => {
      assertPerson(cli, 'kith peers confirm')
      await confirm(cli, name, options)
    })
}

export async function confirm(
  cli: CliContext,
  name: string,
  { json, words }: ConfirmOptions,
): Promise<void> {
  const peer = await cli.client.call('confirmPeer', {
    name,
    ...(words === undefined ? {} : { words }),
  })
  if (json === true) {
    printJson(cli, peer)
    return
  }
  const compared = peer.compared === undefined ? '' : ` (${peer.compared.join(' ')})`
  print(cli, `${name} is confirmed by words${compared}`)
}
