import { resolve } from 'node:path'
import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { note, print, printJson } from '../../terminal.ts'

/** `kith backup keygen`: a key pair for backups that no passphrase of this machine opens. Prints the recipient. */
export function keygenCommand(cli: CliContext): Command {
  return new Command('keygen')
    .description('make a key pair for backups: the identity goes to a file, the recipient is shown')
    .argument('<file>', 'where the identity goes; nothing may be there')
    .option('--json', 'print one JSON object')
    .action(async (file: string, options: { json?: true }) => {
      await keygen(cli, resolve(file), options)
    })
}

export async function keygen(
  cli: CliContext,
  file: string,
  { json }: { json?: true },
): Promise<void> {
  const { makeBackupKey } = await cli.backups()
  const recipient = await makeBackupKey(file, Date.now())
  if (json === true) {
    printJson(cli, { recipient, file })
    return
  }
  print(cli, recipient)
  note(cli, `whoever has ${file} opens what is sealed for it, and nobody else does`)
  note(cli, 'move it to another place: with the machine it would be lost, or stolen')
  note(cli, `in config.yaml: backup: {to: DIR, recipients: [${recipient}]}`)
}
