import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { print, printJson } from '../../terminal.ts'

/** `kith memory add TEXT`: writes a note of the owner's. */
export function addCommand(cli: CliContext): Command {
  return new Command('add')
    .description('write a note')
    .argument('<text>', 'one line')
    .option('--json', 'print one JSON object')
    .action(async (text: string, options: { json?: true }) => {
      await addNote(cli, text, options)
    })
}

export async function addNote(
  cli: CliContext,
  text: string,
  { json }: { json?: true },
): Promise<void> {
  await cli.client.call('addNote', { text })
  if (json === true) printJson(cli, { added: true })
  else print(cli, 'noted')
}
