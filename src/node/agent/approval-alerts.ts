import { OWNER_NAME } from '../../agent/ports.ts'
import { singleLine } from '../../protocol/text.ts'
import type { AlertInit, Alerts } from '../alerts.ts'
import type { ApprovalRecord } from './approval-records.ts'

/** Longest account of a call in an alert, in code points: alerts cut nothing off, so that this one is known again. */
const MAX_WHAT_CHARS = 200

const BEGINNING = 'this waits for you: '

/** Tells the owner that a call of a tool waits for a person. */
export function alertOnApproval(alerts: Pick<Alerts, 'raise'>, approval: ApprovalRecord): void {
  alerts.raise(alertOf(approval))
}

/** Acknowledges the alerts of approvals that are closed. `open` are those which are not. */
export function settleAlerts(
  alerts: Pick<Alerts, 'settle'>,
  open: readonly ApprovalRecord[],
): void {
  const stillTold = new Set(open.map((approval) => keyOf(alertOf(approval))))
  alerts.settle('approval-waiting', (alert) => {
    // One that stands for several, as a flood of them brings it about, is over with the last.
    if (!alert.what.startsWith(BEGINNING)) return open.length === 0
    return !stillTold.has(keyOf(alert))
  })
}

function alertOf({ asker, id, what }: ApprovalRecord): AlertInit {
  return {
    kind: 'approval-waiting',
    ...(asker.name === OWNER_NAME ? {} : { peer: asker.name }),
    what: `${BEGINNING}${singleLine(what, MAX_WHAT_CHARS)}`,
    hint: `kith approvals show ${id}`,
  }
}

function keyOf({ peer = '', what }: Pick<AlertInit, 'peer' | 'what'>): string {
  return JSON.stringify([peer, what])
}
