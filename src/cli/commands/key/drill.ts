import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { print, printJson } from '../../terminal.ts'
import { printFindings, STATE_EXIT, summary } from '../doctor.ts'
import { withKeys } from './reach.ts'
import { pipedPassphrase } from './secrets.ts'
import type { PassphraseOptions } from './secrets.ts'

const VERDICT = {
  ok: 'a rotation would go through',
  warn: 'a rotation would go through, and somebody has to see to what is above',
  fail: 'a rotation would not go through everywhere',
} as const

interface DrillOptions extends PassphraseOptions {
  json?: true
}

/** `kith key drill`: what a rotation would come to. Exits 1 when it would fail, 7 when it needs a hand. */
export function drillCommand(cli: CliContext): Command {
  return new Command('drill')
    .description(
      'play a rotation through with stand-ins for this node and its peers; changes nothing',
    )
    .option('--passphrase-stdin', 'open the keys too, with the first line of the standard input')
    .option('--json', 'print one JSON object')
    .action(async (options: DrillOptions) => {
      await runDrill(cli, options)
    })
}

export async function runDrill(cli: CliContext, options: DrillOptions): Promise<void> {
  const opener = await pipedPassphrase(cli, options)
  const report = await withKeys(cli, (keys) => keys.call('drillRotation', opener))
  cli.exitCode = STATE_EXIT[report.state]
  if (options.json === true) {
    printJson(cli, report)
    return
  }
  printFindings(cli, report.findings)
  print(cli, `\n${VERDICT[report.state]} (${summary(report.findings)})`)
}
