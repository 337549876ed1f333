import { Command } from 'commander'
import { confirm } from '../../confirm.ts'
import type { CliContext } from '../../context.ts'
import { note, print, printJson } from '../../terminal.ts'

interface SettleOptions {
  yes?: true
  json?: true
}

/** `kith peers settle NAME HASH`: a person says which branch of a frozen peer's key log is its owner's. */
export function settleCommand(cli: CliContext): Command {
  return new Command('settle')
    .description("say which of two key logs is a frozen peer's own, when nothing else can")
    .argument('<name>', 'name of the peer')
    .argument('<hash>', 'of the last event of its own log: 8 digits or more, as peers why has it')
    .option('--yes', 'its owner has said so over another channel: do not ask')
    .option('--json', 'print what is kept as one JSON object')
    .action(async (name: string, hash: string, options: SettleOptions) => {
      await settle(cli, name, hash.toLowerCase(), options)
    })
}

export async function settle(
  cli: CliContext,
  name: string,
  typed: string,
  { json, yes }: SettleOptions,
): Promise<void> {
  const kept = await cli.client.call('settlePeer', { name, hash: typed, dryRun: true })
  const last = kept.log.at(-1)
  note(cli, `${name} is ${kept.words.join(' ')}, whichever branch is its own; you keep the one of`)
  note(cli, `event ${last?.sn ?? 0}, key ${last?.key ?? '-'}, hash ${kept.hash}`)
  note(cli, 'compare them over another channel, such as a call: on its side, kith key log --json')
  await confirm(cli, 'Is that what its owner says?', yes === true ? { yes } : {})
  // The whole hash: what stands there may be another by now.
  const settled = await cli.client.call('settlePeer', { name, hash: kept.hash })
  if (json === true) printJson(cli, settled)
  else print(cli, `${name} is settled, and what stood against that is forgotten`)
}
