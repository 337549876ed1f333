import assert from 'node:assert/strict'
import { pino } from 'pino'
import { Asker } from '../../src/node/asks/asker.ts'
import type { AskHandle } from '../../src/node/asks/handle.ts'
import type { KnownPeer } from '../../src/node/pins.ts'
import { KithError } from '../../src/protocol/errors.ts'
import type { AskCall } from '../../src/protocol/verbs.ts'
import { askCallOf, askId, askerPeer } from './ask-calls.ts'
import { askHomes } from './ask-home.ts'
import type { AskHome } from './ask-home.ts'
import { StubCaller } from './stub-caller.ts'
import type { Say } from './stub-caller.ts'
import { StubLinks } from './stub-mesh.ts'

export const BERT = askerPeer('bert')
export const CAROL = askerPeer('carol')

/** An asker on a store on disk, with two pinned peers that a test plays. */
export class AskPair {
  readonly home: AskHome
  peer = new StubCaller()
  links: StubLinks
  asker: Asker
  pinned: KnownPeer[] = [BERT, CAROL]

  private constructor(home: AskHome) {
    this.home = home
    this.links = new StubLinks(home.clock)
    this.asker = this.#make()
  }

  static async start(home: AskHome): Promise<AskPair> {
    const pair = new AskPair(home)
    await pair.asker.start()
    return pair
  }

  /** Ends as a crash does, and starts anew with a peer that has no scripts. */
  async restart(laterMs = 0): Promise<void> {
    await this.home.crash(laterMs)
    this.peer = new StubCaller()
    this.links = new StubLinks(this.home.clock)
    this.asker = this.#make()
  }

  async ask(
    nth = 1,
    init: { wait?: boolean; to?: KnownPeer } & Partial<AskCall> = {},
  ): Promise<AskHandle> {
    const { to = BERT, wait = false, ...changes } = init
    return await this.asker.ask(to, askCallOf('node', { ask: askId(nth), ...changes }), wait)
  }

  #make(): Asker {
    const { home, links, peer } = this
    const { breakers, clock, store } = home
    const pins = { byId: (id: string) => this.pinned.find((other) => other.id === id) }
    const log = pino({ level: 'silent' })
    return new Asker({ store, breakers, caller: peer, pins, links, clock, log })
  }
}

/** What a caller sees of a link that went away. */
export const LOST = new KithError('connection-lost', 'lost', { peer: BERT.id })

/** The end of the `nth` ask, whose last event has this number. */
export function endOf(lastSeq: number, nth = 1): { ask: string; engine: string; lastSeq: number } {
  return { ask: askId(nth), engine: 'stub', lastSeq }
}

/** Says numbered texts, from one number to the other. */
export function sayTexts(say: Say, from: number, to: number): void {
  for (let seq = from; seq <= to; seq++) say(seq, { kind: 'text', text: `${seq} ` })
}

/** An asker for each test, which leaves nothing behind. Call it in `describe`, its result in hooks and tests. */
export function askPairs(): () => AskPair {
  const homes = askHomes()
  let pair: AskPair
  beforeEach(async () => {
    pair = await AskPair.start(homes())
  })
  afterEach(async () => {
    await pair.asker.stop()
    assert.equal(pair.asker.pending, 0)
    assert.equal(pair.home.clock.timers, 0)
    assert.equal(pair.links.listeners, 0)
  })
  return () => pair
}
