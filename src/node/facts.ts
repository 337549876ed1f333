import type { NodeFacts } from '../agent/ports.ts'
import { SOFTWARE } from '../protocol/software.ts'
import type { AskDesk } from './asks/ask-desk.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { Links } from './links.ts'
import type { Pins } from './pins.ts'
import type { Self } from './self.ts'
import { hostZone } from './zone.ts'

/** What is told of: a `KithNode` is one. */
export interface DescribedNode {
  readonly startedAt: number
  readonly self: Pick<Self, 'id' | 'words'>
  readonly config: Pick<Config, 'name'>
  readonly clock: Clock
  readonly pins: Pick<Pins, 'peers'>
  readonly links: Pick<Links, 'get'>
  readonly desk: Pick<AskDesk, 'facts'>
}

/** What the agent may tell of the node that it is the agent of. */
export function factsOf(node: DescribedNode): NodeFacts {
  return {
    describe: () => ({
      id: node.self.id,
      words: node.self.words.join(' '),
      software: SOFTWARE,
      uptimeMs: node.clock.now() - node.startedAt,
      ...(node.config.name === undefined ? {} : { name: node.config.name }),
    }),
    peers: () =>
      node.pins.peers().map(({ id, pin }) => ({
        name: pin.name,
        connected: id !== undefined && node.links.get(id) !== undefined,
      })),
    asks: async () => await node.desk.facts(),
    now: () => node.clock.now(),
    zone: hostZone,
  }
}
