import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { ConfigWatch } from './config-watch.ts'
import type { Home } from './home.ts'
import type { Identity } from './identity.ts'

/** What a node is made of that its surroundings do not have. */
export interface NodeInit {
  home: Home
  config: Config
  identity: Identity
  log: Logger
  /** The build that runs, and what follows config.yaml, where somebody looks. */
  build?: string | undefined
  settings?: ConfigWatch
}
