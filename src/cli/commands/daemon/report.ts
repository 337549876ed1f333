import type { DaemonReport } from '../../../node/control/api.ts'
import { singleLine } from '../../../protocol/text.ts'
import { table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

/** A failure is told in so many characters of one line. */
const MAX_WHY_CHARS = 200

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
