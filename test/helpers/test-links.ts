import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { Answer } from '../../src/node/answer.ts'
import type { Link } from '../../src/node/link.ts'
import { Links } from '../../src/node/links.ts'
import type { Body, Hello } from '../../src/protocol/message.ts'
import { LogTap } from './log-tap.ts'
import { ManualClock } from './manual-clock.ts'
import { channelPair, settle } from './memory-channel.ts'
import { RawPeer, helloOf } from './raw-peer.ts'
import { StubPins, peerOf } from './stub-pins.ts'

export const BERT = peerOf('bert')
export const CAROL = peerOf('carol')

/** The links of the node called anna, which has pinned bert and carol, over channels whose far ends a test plays. */
export class TestLinks {
  readonly clock = new ManualClock()
  readonly pins = new StubPins([BERT, CAROL])
  readonly log = new LogTap()
  /** What was told of links: whose, and whether it is up. */
  readonly told: [id: string, up: boolean][] = []
  readonly links: Links
  /** What becomes of a call of a peer. */
  answer: (answer: Answer) => Body | Promise<Body> = ({ call }) => call.body

  constructor() {
    const { clock, pins } = this
    const log = pino({ base: null }, this.log)
    const dispatcher = { dispatch: (served: Answer) => this.answer(served) }
    const hello = (): Hello => helloOf({ at: clock.now() })
    const ownKey = (): string => peerOf('anna').key
    this.links = new Links({ pins, clock, log, dispatcher }, { ownKey, hello })
    this.links.start()
    this.links.onChange(({ id }, up) => this.told.push([id, up]))
  }

  /** A link that is being opened, and the far end of it. */
  begin(from = BERT, outbound = true): { opening: Promise<Link>; peer: RawPeer } {
    const [channel, farChannel] = channelPair()
    const opening = this.links.open(channel, from, outbound)
    opening.catch(() => undefined)
    return { opening, peer: new RawPeer(farChannel) }
  }

  /** One whose peer has said hello. */
  async open(
    init: { from?: typeof BERT; outbound?: boolean; hello?: Partial<Hello> } = {},
  ): Promise<{ link: Link; peer: RawPeer }> {
    const { opening, peer } = this.begin(init.from, init.outbound)
    await peer.say(helloOf(init.hello))
    return { link: await opening, peer }
  }
}

/** Links for each test, of which nothing is left after it. Call it in `describe`, its result in tests. */
export function testLinks(): () => TestLinks {
  let test: TestLinks
  beforeEach(() => {
    test = new TestLinks()
  })
  afterEach(async () => {
    test.links.stop()
    await settle()
    assert.equal(test.clock.timers, 0)
  })
  return () => test
}
