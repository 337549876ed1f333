import type { DaemonReport } from '../../../node/control/api.ts'
import { singleLine } from '../../../protocol/text.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

/** A failure is told in so many characters of one line. */
const MAX_WHY_CHARS = 200

/** Exits 1 when a profile does not run. */
export function judgeProfiles(
  cli: Pick<CliContext, 'exitCode'>,
  { profiles }: Pick<DaemonReport, 'profiles'>,
): void {
  if (profiles.some(({ state }) => state !== 'running')) cli.exitCode = EXIT.failed
}

/** Without its token: nobody who reads this needs to speak for it. */
export function printDaemonJson(cli: Pick<CliContext, 'stdout'>, report: DaemonReport): void {
  printJson(cli, { ...report, token: undefined })
}

/** A line for each profile of a daemon. */
export function profilesTable({ profiles }: Pick<DaemonReport, 'profiles'>): string {
  if (profiles.length === 0) return 'no profiles: kith init, or kith profile create NAME'
  return table(
    profiles.map(({ failure, listening = [], name, nextTryAt, since, state }) => {
      const again = nextTryAt === undefined ? '' : `, again ${timeText(nextTryAt)}`
      const why = failure === undefined ? '' : `${singleLine(failure, MAX_WHY_CHARS)}${again}`
      // The last cell may be long.
      return [name, `${state} since ${timeText(since)}`, why === '' ? listening.join(' ') : why]
    }),
  )
}
