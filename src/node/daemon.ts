import type { StatusReport } from './control/api.ts'
import { reportStatus } from './control/handlers/node.ts'
import { withRunningNode } from './running-node.ts'
import type { RunningNodeInit } from './running-node.ts'

export interface DaemonInit extends RunningNodeInit {
  onReady: (report: StatusReport) => void
}

/**
 * Runs the node of a home until it is told to stop, by a signal or over the control socket. Resolves with the exit
 * code once everything is closed.
 *
 * @throws {KithError} what keeps it from starting, as `withRunningNode`
 */
export async function runDaemon(init: DaemonInit): Promise<number> {
  await withRunningNode(init, { loop: true }, async ({ node, readyAfterMs, stopping }) => {
    const report = await reportStatus(node, readyAfterMs)
    const { id, listening, software } = report
    const ready = { id, listening, software, readyAfterMs: Math.round(readyAfterMs) }
    node.log.info(ready, 'ready')
    init.onReady(report)
    node.log.info({ by: await stopping }, 'stopping')
  })
  return 0
}
