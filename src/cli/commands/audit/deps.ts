import { Command } from 'commander'
import type { DependencyReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { note, paint, print, printJson } from '../../terminal.ts'
import { durationText } from '../../time-text.ts'

interface DepsOptions {
  offline?: true
  json?: true
}

const STATE_EXIT = {
  clean: EXIT.ok,
  vulnerable: EXIT.failed,
  'not-checked': EXIT.tryLater,
} as const

/** `kith audit deps`: known vulnerabilities of what kith is made of. Exits 1 when there is one, 75 when nobody knows. */
export function depsCommand(cli: CliContext): Command {
  return new Command('deps')
    .description('check the packages that kith is made of for known vulnerabilities')
    .option('--offline', 'use the list that was fetched last')
    .option('--json', 'print one JSON object')
    .action(async (options: DepsOptions) => {
      await auditDeps(cli, options)
    })
}

export async function auditDeps(cli: CliContext, { json, offline }: DepsOptions): Promise<void> {
  const { checkDependencies } = await cli.records()
  const { env, home } = cli
  const now = Date.now()
  const report = await checkDependencies({ home, env, offline: offline === true, now })
  cli.exitCode = STATE_EXIT[report.state]
  if (json === true) {
    const age = report.listAt === undefined ? {} : { listAgeMs: now - report.listAt }
    printJson(cli, { ...report, ...age })
    return
  }
  for (const finding of report.findings) {
    const { fixed, id, severity, summary, version } = finding
    print(cli, `${paint(cli, 'red', severity)}  ${finding.package} ${version}  ${id}`)
    if (summary !== '') print(cli, `    ${summary}`)
    print(
      cli,
      `    ${fixed === undefined ? 'no version without it is known' : `fixed in ${fixed}`}`,
    )
  }
  print(
    cli,
    `${textOf(report)}${report.listAt === undefined ? '' : `, by a list that is ${durationText(now - report.listAt)} old`}`,
  )
  if (report.why !== undefined) note(cli, report.why)
}

function textOf({ findings, packages, state }: DependencyReport): string {
  switch (state) {
    case 'clean':
      return `no known vulnerability in ${packages} packages`
    case 'vulnerable':
      return `${findings.length} known ${findings.length === 1 ? 'vulnerability' : 'vulnerabilities'} in ${packages} packages`
    case 'not-checked':
      return `not checked: ${packages} packages`
  }
}
