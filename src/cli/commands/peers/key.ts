import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { showId } from '../id.ts'

/** `kith peers key`: what others pin, under the name by which those look for it who think of peers. */
export function keyCommand(cli: CliContext): Command {
  return new Command('key')
    .description('show what others pin of this node: the same as kith id')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: true }) => {
      await showId(cli, options)
    })
}
