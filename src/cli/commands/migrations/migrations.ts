import { Command } from 'commander'
import type { MigrationStatus } from '../../../node/control/api.ts'
import { KithError, isFailure } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { note, print, printJson, table } from '../../terminal.ts'

/** `kith migrations`: the versions of what a home keeps. */
export function migrationsCommand(cli: CliContext): Command {
  const migrations = new Command('migrations').description('versions of what this home keeps')
  migrations.addCommand(
    new Command('status')
      .description('which versions there are, which this kith works with, and which steps are next')
      .option('--json', 'print one JSON array')
      .action(async (options: { json?: true }) => {
        await migrationsStatus(cli, options)
      }),
  )
  return migrations
}

/** Exits 7 when the next start takes a step. @throws {KithError} `too-new` */
export async function migrationsStatus(cli: CliContext, { json }: { json?: true }): Promise<void> {
  const { migrationStatus } = await cli.doctor()
  const all = await migrationStatus(cli.home, await formatOfRunning(cli))
  const later = all.find(({ current = 0, wanted }) => current > wanted)
  const pending = all.flatMap((status) => status.pending)
  if (pending.length > 0) cli.exitCode = EXIT.needsPerson
  if (json === true) printJson(cli, all)
  else show(cli, all)
  if (later !== undefined) throw tooNew(later)
  if (json === true || pending.length === 0) return
  note(cli, `the next ${sameHome(cli, 'kith start')} keeps the old store beside it, and goes on`)
  note(cli, `before that: ${sameHome(cli, 'kith backup create')}`)
}

/** The format of the store that a running node has open; undefined when none runs. */
async function formatOfRunning({ client }: CliContext): Promise<number | undefined> {
  try {
    const { findings } = await client.call('doctor', {})
    const format = findings.find(({ check }) => check === 'store')?.details?.['format']
    return typeof format === 'number' ? format : undefined
  } catch (err) {
    if (!isFailure(err, 'daemon-not-running')) throw err
    return undefined
  }
}

function show(cli: CliContext, all: readonly MigrationStatus[]): void {
  const rows = all.map(({ current, pending, wanted, what }) => [
    what,
    current === undefined ? '–' : String(current),
    String(wanted),
    pending.map((step) => `${step.to}: ${step.what}`).join('; ') || 'none',
  ])
  print(cli, table([['WHAT', 'VERSION', 'WANTED', 'NEXT STEPS'], ...rows]))
}

function tooNew({ current = 0, path, wanted }: MigrationStatus): KithError<'too-new'> {
  return new KithError(
    'too-new',
    `${path} has version ${current}; this kith knows up to ${wanted}`,
    { what: path, version: current, known: wanted },
    { hint: 'run the kith that wrote it, or a later one' },
  )
}
