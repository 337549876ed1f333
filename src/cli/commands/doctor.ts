import { Command } from 'commander'
import type { DoctorReport } from '../../node/control/api.ts'
import { singleLine } from '../../protocol/text.ts'
import type { CliContext } from '../context.ts'
import { sameHome } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { paint, print, printJson } from '../terminal.ts'

/** What was found of one thing. `unchecked`: it could not be told. */
export interface ShownFinding {
  check: string
  state: DoctorReport['state'] | 'unchecked'
  what: string
  hint?: string
}

const STATE_STYLE = { ok: 'green', unchecked: 'yellow', warn: 'yellow', fail: 'red' } as const
/** What a command ends with that has found this at the worst. */
export const STATE_EXIT = { ok: EXIT.ok, warn: EXIT.needsPerson, fail: EXIT.failed } as const

/** Longest line of a finding, in code points. */
const MAX_LINE_CHARS = 1_024

/** `kith doctor`: every check of the running node. Exits 1 when one fails, 7 when one only warns. */
export function doctorCommand(cli: CliContext): Command {
  return new Command('doctor')
    .description('check the running node: what is well, and what is not with its remedy')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: true }) => {
      await doctor(cli, options)
    })
}

export async function doctor(cli: CliContext, { json }: { json?: true }): Promise<void> {
  const report = await cli.client.call('doctor', {})
  cli.exitCode = STATE_EXIT[report.state]
  if (json === true) {
    printJson(cli, report)
    return
  }
  printFindings(cli, report.findings)
  print(cli, `\n${summary(report.findings)}`)
}

/** A line for each finding, with its remedy below. */
export function printFindings(cli: CliContext, findings: readonly ShownFinding[]): void {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const stateWidth = Math.max(...findings.map(({ state }) => state.length), 'warn'.length)
  for (const { check, hint, state, what } of findings) {
    const label = paint(cli, STATE_STYLE[state], state.padEnd(stateWidth))
    print(cli, `${label}  ${line(check).padEnd(width)}  ${line(what)}`)
    if (hint !== undefined) {
      print(cli, `${' '.repeat(stateWidth)}  try: ${line(sameHome(cli, hint))}`)
    }
  }
}

/** `all is well`, or `1 failure, 2 warnings`. */
export function summary(findings: readonly ShownFinding[]): string {
  const counts = [
    ['fail', 'failure', 's'],
    ['warn', 'warning', 's'],
    ['unchecked', 'not checked', ''],
  ] as const
  const parts = counts.flatMap(([state, word, plural]) => {
    const count = findings.filter((finding) => finding.state === state).length
    return count === 0 ? [] : [`${count} ${word}${count === 1 ? '' : plural}`]
  })
  return parts.length === 0 ? 'all is well' : parts.join(', ')
}

function line(text: string): string {
  return singleLine(text, MAX_LINE_CHARS)
}
