import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { AskDesk } from '../../src/node/asks/ask-desk.ts'
import { Answerer } from '../../src/node/asks/answerer.ts'
import type { Peer } from '../../src/node/pins.ts'
import { idOf } from './ask-calls.ts'
import type { AskHome } from './ask-home.ts'
import { AskPair, BERT } from './ask-pair.ts'
import { StubAgent } from './stub-agent.ts'

/** The id of the node whose desk it is. */
export const DESK_ID = idOf('node')

/** The desk of a node with an agent that does as it is told, and a link to bert, who is pinned. */
export class DeskHome {
  readonly agent = new StubAgent()
  /** Who is pinned: a test may change it. */
  peers: Peer[] = [BERT]
  readonly answerer: Answerer
  readonly desk: AskDesk
  readonly pair: AskPair

  private constructor({ bytes, clock, store }: AskHome, pair: AskPair) {
    const { agent } = this
    this.pair = pair
    this.answerer = new Answerer(
      {
        ...{ store, bytes, agent, clock, log: pino({ level: 'silent' }) },
        standing: () => ({ asker: this.desk.owner, deniedBy: undefined }),
        parked: async () => undefined,
      },
      { parallel: 2, queue: 4 },
    )
    const pins = {
      byName: (name: string) => this.peers.find(({ pin }) => pin.name === name),
      byId: (id: string) => this.peers.find((peer) => peer.id === id),
    }
    this.desk = new AskDesk(
      { store, answerer: this.answerer, asker: pair.asker, pins, clock, randomBytes },
      { ownId: DESK_ID },
    )
  }

  static async start(home: AskHome): Promise<DeskHome> {
    return new DeskHome(home, await AskPair.start(home))
  }

  async stop(): Promise<void> {
    this.agent.release()
    await this.answerer.stop(0)
    await this.pair.asker.stop()
  }
}
