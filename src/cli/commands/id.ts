import { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { print, printJson } from '../terminal.ts'
import { describe } from './init.ts'

interface IdOptions {
  qr?: true
  json?: true
}

/** `kith id`: who this node is. Works whether it runs or not. */
export function idCommand(cli: CliContext): Command {
  return new Command('id')
    .description("show this node's id, words, peer id and addresses")
    .option('--qr', 'show the id as a QR code too')
    .option('--json', 'print one JSON object')
    .action(async (options: IdOptions) => {
      await showId(cli, options)
    })
}

export async function showId(cli: CliContext, { json, qr }: IdOptions): Promise<void> {
  const { describeNode } = await cli.offline()
  const node = await describeNode(cli.home, cli.env)
  if (json === true) {
    printJson(cli, node)
    return
  }
  print(cli, describe(node))
  if (qr !== true) return
  const { renderUnicodeCompact } = await import('uqr')
  print(cli, `\n${renderUnicodeCompact(node.id, { border: 2 })}`)
}
