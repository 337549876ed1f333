import { basename } from 'node:path'
import { Command } from 'commander'
import { terminalSafe } from '../../../protocol/text.ts'
import type { ExplainReport } from '../../../node/control/api.ts'
import { sameHome } from '../../context.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { onlineOrOffline } from '../../online-or-offline.ts'
import { print, printJson } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

/** `kith peers explain NAME VERB`: which rule decides. Calls nobody. Exits 5 when the answer is no. */
export function explainCommand(cli: CliContext): Command {
  return new Command('explain')
    .description('say whether a peer may make a call here, and which rule decides; calls nobody')
    .argument('<name>', 'name of the peer')
    .argument('<verb>', 'such as ping, ask or status')
    .option('--code <code>', 'what stands behind a refusal with this code, such as rate-limited')
    .option('--json', 'print one JSON object')
    .action(async (name: string, verb: string, options: ExplainOptions) => {
      await explain(cli, name, verb, options)
    })
}

interface ExplainOptions {
  code?: string
  json?: true
}

export async function explain(
  cli: CliContext,
  name: string,
  verb: string,
  { code, json }: ExplainOptions,
): Promise<void> {
  const question = { verb, ...(code === undefined ? {} : { code }) }
  const report = await onlineOrOffline(
    cli,
    (client) => client.call('explain', { name, ...question }),
    (node) => node.explainOffline(cli.home, name, question),
  )
  if (!report.allowed) cli.exitCode = EXIT.refusedHere
  if (json === true) {
    printJson(cli, report)
    return
  }
  const { allowed, hint, last, peer } = report
  const call = `${/^[aeiou]/.test(report.verb) ? 'an' : 'a'} ${report.verb} by ${peer}`
  const answer = allowed ? `yes: ${call} is allowed` : `no: ${call} is refused${codeText(report)}`
  print(cli, terminalSafe(`${answer} by the rule ${ruleText(report)}`))
  if (last !== undefined) {
    const when = `last refused ${timeText(last.at)}${codeText(last)}`
    print(cli, terminalSafe(`${when} by the rule ${ruleText(last)}`))
  }
  if (hint !== undefined) print(cli, `    try: ${terminalSafe(sameHome(cli, hint))}`)
}

function codeText({ code }: { code?: string }): string {
  return code === undefined ? '' : ` (${code})`
}

/** `hours: it is 23:00 … (peers.yaml:12)`. */
function ruleText({ rule, where, why }: Pick<ExplainReport, 'rule' | 'where' | 'why'>): string {
  if (where === undefined) return `${rule}: ${why}`
  const line = where.line === undefined ? '' : `:${where.line}`
  return `${rule}: ${why} (${basename(where.file)}${line})`
}
