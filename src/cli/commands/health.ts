import { Command } from 'commander'
import type { HealthReport } from '../../node/control/api.ts'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { paint, print, printJson, table } from '../terminal.ts'
import { durationText } from '../time-text.ts'

const HEALTH_STYLE = { healthy: 'green', degraded: 'yellow', unhealthy: 'red' } as const

type Component = HealthReport['components'][number]

/** `kith health`: how each part of the node does. Exits 1 when it is unhealthy. */
export function healthCommand(cli: CliContext): Command {
  return new Command('health')
    .description('show how each part of the node does; exits 1 when it is unhealthy')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: true }) => {
      await showHealth(cli, options)
    })
}

export async function showHealth(cli: CliContext, { json }: { json?: true }): Promise<void> {
  const report = await cli.client.call('health', {})
  const { at, components, status, uptimeMs, version } = report
  if (status === 'unhealthy') cli.exitCode = EXIT.failed
  if (json === true) {
    printJson(cli, report)
    return
  }
  const up = `kith ${version}, up ${durationText(uptimeMs)}`
  print(cli, `${paint(cli, HEALTH_STYLE[status], status)}, ${up}\n`)
  const rows = components.map((component) => row(component, at))
  print(cli, table([['COMPONENT', 'STATE', 'SINCE', 'LAST OK', 'WHY'], ...rows]))
}

function row({ lastOkAt, name, reason, since, state }: Component, now: number): string[] {
  const ok = lastOkAt === undefined ? '-' : `${durationText(now - lastOkAt)} ago`
  return [name, state, durationText(now - since), ok, reason ?? '']
}
