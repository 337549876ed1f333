import type { KithNode } from '../node.ts'
import type { Routes } from './api.ts'
import { alertHandlers } from './handlers/alerts.ts'
import { askHandlers } from './handlers/asks.ts'
import { inviteHandlers } from './handlers/invites.ts'
import { keyHandlers } from './handlers/keys.ts'
import { nodeHandlers } from './handlers/node.ts'
import type { DaemonHooks } from './handlers/node.ts'
import { peerHandlers } from './handlers/peers.ts'
import { strangerHandlers } from './handlers/strangers.ts'
import type { HandlersOf } from './routes/route.ts'

/** What each route does. */
export type Handlers = HandlersOf<Routes>

export function createHandlers(node: KithNode, init: DaemonHooks): Handlers {
  return {
    ...nodeHandlers(node, init),
    ...peerHandlers(node),
    ...askHandlers(node),
    ...alertHandlers(node),
    ...keyHandlers(node),
    ...strangerHandlers(node),
    ...inviteHandlers(node),
  }
}
