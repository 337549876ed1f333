import type { KithNode } from '../node.ts'
import type { Routes } from './api.ts'
import { alertHandlers } from './handlers/alerts.ts'
import { approvalHandlers } from './handlers/approvals.ts'
import { artifactHandlers } from './handlers/artifacts.ts'
import { askHandlers } from './handlers/asks.ts'
import { backupHandlers } from './handlers/backups.ts'
import { breakerHandlers } from './handlers/breakers.ts'
import { budgetHandlers } from './handlers/budget.ts'
import { daemonHandlers } from './handlers/daemon.ts'
import { feedHandlers } from './handlers/feeds.ts'
import { fleetHandlers } from './handlers/fleet.ts'
import { httpHandlers } from './handlers/http.ts'
import { inviteHandlers } from './handlers/invites.ts'
import { jobHandlers } from './handlers/jobs.ts'
import { keyHandlers } from './handlers/keys.ts'
import { mcpToolHandlers } from './handlers/mcp-tools.ts'
import { memoryHandlers } from './handlers/memory.ts'
import { modelHandlers } from './handlers/models.ts'
import { nodeHandlers } from './handlers/node.ts'
import type { DaemonHooks } from './handlers/node.ts'
import { peerHandlers } from './handlers/peers.ts'
import { recordHandlers } from './handlers/records.ts'
import { sessionHandlers } from './handlers/sessions.ts'
import { strangerHandlers } from './handlers/strangers.ts'
import type { HandlersOf } from './routes/route.ts'

/** What each route does. */
export type Handlers = HandlersOf<Routes>

export function createHandlers(node: KithNode, init: DaemonHooks): Handlers {
  return {
    ...nodeHandlers(node, init),
    ...daemonHandlers(init.daemon, node.home.path),
    ...httpHandlers(node),
    ...peerHandlers(node),
    ...fleetHandlers(node),
    ...askHandlers(node),
    ...alertHandlers(node),
    ...backupHandlers(node),
    ...approvalHandlers({
      ...{ caller: node.caller, pins: node.pins, self: node.self },
      approvals: node.agent.approvals,
      submitterOf: async (ask) => await node.http.tasks.submitterOf(ask),
    }),
    ...keyHandlers(node, init),
    ...strangerHandlers(node),
    ...inviteHandlers(node),
    ...sessionHandlers(node),
    ...memoryHandlers(node),
    ...budgetHandlers(node),
    ...breakerHandlers(node),
    ...modelHandlers(node),
    ...mcpToolHandlers(node),
    ...jobHandlers(node),
    ...feedHandlers(node),
    ...artifactHandlers(node),
    ...recordHandlers(node),
  }
}
