import { Command } from 'commander'
import { KithError } from '../../../protocol/errors.ts'
import type { HeldReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { paint, print, printJson } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

const PROBLEMS: Readonly<Record<HeldReport['contradictions'][number]['problem'], string>> = {
  other: 'now has another entry there',
  shorter: 'now ends before it',
  withheld: 'does not say what is there',
  pruned: 'has pruned what is not old',
}

/** `kith audit peers`: what is held here of the audit logs of peers. Exits 1 when one has contradicted itself. */
export function peersCommand(cli: CliContext): Command {
  return new Command('peers')
    .description('show what is held here of the audit logs of peers')
    .argument('[name]', 'of this peer alone')
    .option('--json', 'print one JSON array, with the signed heads')
    .action(async (name: string | undefined, options: { json?: true }) => {
      await auditPeers(cli, name, options)
    })
}

export async function auditPeers(
  cli: CliContext,
  name: string | undefined,
  { json }: { json?: true },
): Promise<void> {
  const all = await cli.client.call('auditHeld', {})
  const shown = all.filter(({ peer }) => name === undefined || peer === name)
  if (shown.length === 0 && name !== undefined) {
    const why = `nothing is held of the audit log of ${name}`
    const hint = `kith peers allow ${name} audit, there and here`
    throw new KithError('unknown-peer', why, { name }, { hint })
  }
  if (shown.some(({ contradictions }) => contradictions.length > 0)) cli.exitCode = EXIT.failed
  if (json === true) {
    printJson(cli, shown)
    return
  }
  if (shown.length === 0) print(cli, 'nothing is held of any peer')
  for (const report of shown) tell(cli, report)
}

function tell(cli: CliContext, { contradictions, kept, newest, peer }: HeldReport): void {
  const last = newest === undefined ? '' : `, the newest of ${timeText(newest.receivedAt)}`
  const head = newest === undefined ? '' : `\n    entry ${newest.seq} ${newest.hash}`
  print(cli, `${paint(cli, 'bold', peer)}  ${kept} heads${last}${head}`)
  for (const { at, kept: was, problem, shown } of contradictions) {
    print(
      cli,
      `  ${paint(cli, 'red', 'contradicted')} ${timeText(at)}: its log ${PROBLEMS[problem]}`,
    )
    print(cli, `    kept   entry ${was.seq} ${was.hash}, of ${timeText(was.receivedAt)}`)
    print(cli, `    shown  entry ${shown.seq} ${shown.hash}`)
  }
}
