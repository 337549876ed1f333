import { Command } from 'commander'
import type { AuditVerdictReport, WitnessReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { onlineOrRecords } from '../../online-or-offline.ts'
import { note, paint, print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

interface VerifyOptions {
  peers?: true
  json?: true
}

const PROBLEMS: Readonly<
  Record<Extract<AuditVerdictReport, { intact: false }>['problem'], string>
> = {
  edited: 'was changed after it was written',
  missing: 'is missing',
  reordered: 'is not in its place',
  rewritten: 'is not the one that this node has signed',
  forged: 'is the last one before a signature that is not of this node',
  pruned:
    'was the last one before those that are there, and nothing signed says that it was pruned',
}

/** `kith audit verify`: whether the audit log is the one that was written. Exits 1 when it is not, and names the first bad entry. */
export function verifyCommand(cli: CliContext): Command {
  return new Command('verify')
    .description('check that the audit log is the one that was written')
    .option('--peers', 'ask the peers too what they hold of it')
    .option('--json', 'print one JSON object')
    .action(async (options: VerifyOptions) => {
      await verifyAudit(cli, options)
    })
}

export async function verifyAudit(cli: CliContext, { json, peers }: VerifyOptions): Promise<void> {
  const verdict = await onlineOrRecords(
    cli,
    (client) => client.call('verifyAudit', {}),
    (records) => records.verifyAuditOffline(cli.home),
  )
  const witnesses = peers === true ? await cli.client.call('auditWitnesses', {}) : undefined
  const contradicted = witnesses?.some(({ state }) => state === 'contradicts') === true
  const answered = witnesses?.some(({ state }) => state !== 'unreachable') !== false
  if (!verdict.intact || contradicted) cli.exitCode = EXIT.failed
  else if (!answered) cli.exitCode = EXIT.noAnswer
  if (json === true) {
    printJson(cli, { ...verdict, ...(witnesses === undefined ? {} : { peers: witnesses }) })
    return
  }
  tellVerdict(cli, verdict)
  if (witnesses !== undefined) tellWitnesses(cli, witnesses)
}

function tellVerdict(cli: CliContext, verdict: AuditVerdictReport): void {
  if (!verdict.intact) {
    print(cli, `${paint(cli, 'red', 'broken')}: entry ${verdict.seq} ${PROBLEMS[verdict.problem]}`)
    note(cli, 'what is before it can be trusted; see who could write to the home: kith doctor')
    return
  }
  const { entries, first, head, signed } = verdict
  if (head === undefined) {
    print(cli, 'intact: the log is empty')
    return
  }
  print(cli, `${paint(cli, 'green', 'intact')}: ${entries} entries, ${first} to ${head.seq}`)
  print(cli, `head: ${head.seq} ${head.hash}`)
  if (signed === undefined) print(cli, 'signed: not yet')
  else print(cli, `signed: up to ${signed.seq}, ${timeText(signed.at)}`)
}

function tellWitnesses(cli: CliContext, witnesses: readonly WitnessReport[]): void {
  if (witnesses.length === 0) {
    note(cli, 'no peer may hold heads of this log: kith peers allow NAME audit, there and here')
    return
  }
  print(cli, '')
  const colour = (cell: string, row: number, column: number): string => {
    const state = column === 1 ? witnesses[row]?.state : undefined
    if (state === 'contradicts') return paint(cli, 'red', cell)
    return state === 'agrees' ? paint(cli, 'green', cell) : cell
  }
  print(cli, table(witnesses.map(rowOf), colour))
}

function rowOf({ contradiction, held, newest, peer, state }: WitnessReport): string[] {
  if (contradiction !== undefined) {
    const { at, held: theirs, here, seq } = contradiction
    const ours = here === undefined ? 'here is none' : `here is ${here.slice(0, 16)}`
    return [peer, state, `entry ${seq} was ${theirs.slice(0, 16)} at ${timeText(at)}, ${ours}`]
  }
  const shown = newest === undefined ? '' : `up to entry ${newest.seq}, ${timeText(newest.at)}`
  return [peer, state, held === 0 ? '' : `${held} heads, ${shown}`]
}
