import type { Logger } from 'pino'
import type { EngineAsk } from '../../agent/ports.ts'
import type { ApprovalRecord, RememberedRecord } from './approval-records.ts'

/**
 * Writes the line for an approval that is closed. A no counts also where that cannot be done.
 *
 * @throws what `write` throws for a yes: one that is not in the log is none, and nothing has changed
 */
export function writeClosed(
  { log, write }: { log: Pick<Logger, 'error'>; write: (line: string) => void },
  closed: ApprovalRecord,
): void {
  try {
    write(lineOfClosed(closed))
  } catch (err) {
    if (closed.state === 'granted') throw err
    log.error({ approval: closed.id, err }, 'the log of approvals could not be written')
  }
}

/** The line of `approval.log` for an approval that is closed. */
function lineOfClosed(closed: ApprovalRecord): string {
  const { asker, by, closedAt = closed.openedAt, openedAt, scope, session, toolClass } = closed
  return JSON.stringify({
    at: new Date(closedAt).toISOString(),
    approval: closed.id,
    ask: closed.ask,
    asker,
    chain: closed.chain,
    session,
    tool: closed.tool,
    class: toolClass,
    what: closed.what,
    verdict: closed.state,
    scope,
    by,
    waitedMs: closedAt - openedAt,
  })
}

/** The line for a call that ran by an answer from before. Its `what` is that of the call which was answered then. */
export function lineOfRemembered(now: number, ask: EngineAsk, answer: RememberedRecord): string {
  const { by, id, scope, tool, toolClass, what } = answer
  return JSON.stringify({
    at: new Date(now).toISOString(),
    approval: id,
    ask: ask.id,
    asker: ask.asker,
    chain: ask.chain,
    session: ask.session,
    tool,
    class: toolClass,
    what,
    verdict: 'remembered',
    scope,
    by,
    waitedMs: 0,
  })
}
