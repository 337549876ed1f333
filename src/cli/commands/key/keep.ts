import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { note, print, printJson } from '../../terminal.ts'
import { named } from '../peers/reach.ts'
import { opening, readWords } from './secrets.ts'
import type { PassphraseOptions } from './secrets.ts'

interface KeepOptions extends PassphraseOptions {
  json?: true
}

/** `kith key keep`: keeps the rotation key of another node of the same owner here. */
export function keepCommand(cli: CliContext): Command {
  return new Command('keep')
    .description('keep the rotation key of another node of yours here, by its 24 words')
    .argument('<name>', 'name of that node')
    .option('--passphrase-stdin', 'the second line of the standard input opens the keys here')
    .option('--json', 'print one JSON object')
    .action(async (name: string, options: KeepOptions) => {
      await keep(cli, name, options)
    })
}

export async function keep(cli: CliContext, name: string, options: KeepOptions): Promise<void> {
  const peer = named(await cli.client.call('peers', {}), name)
  const question = `The 24 rotation words of ${name} (not shown): `
  const { passphrase, words } = await readWords(cli, question, options)
  const given = { peer: name, words }
  // What was piped has been read to its end: nothing more comes from there.
  if (passphrase !== undefined) await cli.client.call('keepRotationKey', { ...given, passphrase })
  else {
    await opening(cli, {}, (opener) => cli.client.call('keepRotationKey', { ...given, ...opener }))
  }
  if (options.json === true) {
    printJson(cli, { kept: name })
    return
  }
  print(cli, `the rotation key of ${name} is kept here, sealed as the keys of this node are`)
  if (!peer.allow.includes('key.rotate')) {
    note(cli, `to let it ask: ${sameHome(cli, `kith peers allow ${name} key.rotate`)}`)
  }
}
