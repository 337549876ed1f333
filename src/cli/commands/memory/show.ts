import { Command } from 'commander'
import { singleLine } from '../../../protocol/text.ts'
import type { CliContext } from '../../context.ts'
import { print, printJson } from '../../terminal.ts'

interface ShowOptions {
  source?: string
  json?: true
}

/** `kith memory show`: the notes, the newest first. */
export function showCommand(cli: CliContext): Command {
  return new Command('show')
    .description('show the notes, the newest first')
    .option('--source <name>', 'only what this peer said, or self')
    .option('--json', 'print one JSON array')
    .action(async (options: ShowOptions) => {
      await showMemory(cli, options)
    })
}

export async function showMemory(cli: CliContext, { json, source }: ShowOptions): Promise<void> {
  const all = await cli.client.call('memory', {})
  const notes = source === undefined ? all : all.filter((note) => note.source === source)
  if (json === true) {
    printJson(cli, notes)
    return
  }
  if (notes.length === 0) print(cli, 'no notes')
  for (const note of notes) {
    const at = note.at ?? '-'.padEnd('2026-11-21T08:00Z'.length)
    // No name of a peer has a bracket, so that no note can pass for another's.
    print(cli, `${at}  [from ${singleLine(note.source, 64)}] ${singleLine(note.text, Infinity)}`)
  }
}
