import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { Parked } from '../../src/agent/ports.ts'
import { Answerer } from '../../src/node/asks/answerer.ts'
import type { AskHandle, AskerInfo, AskerStanding } from '../../src/node/asks/handle.ts'
import type { AskCall } from '../../src/protocol/verbs.ts'
import { askCallOf, askId, askerPeer } from './ask-calls.ts'
import { askHomes, codeOf, readAnswer } from './ask-home.ts'
import type { AskHome } from './ask-home.ts'
import { settle } from './memory-channel.ts'
import { StubAgent } from './stub-agent.ts'

export function askerOf(name: string, grant: Partial<AskerInfo['grant']> = {}): AskerInfo {
  const { id, pin } = askerPeer(name)
  return { name, id, grant: { ...pin.ask, ...grant } }
}

export const BERT = askerOf('bert')

/** How an asker stands that may ask. */
export function allowed(asker: AskerInfo): AskerStanding {
  return { asker, deniedBy: undefined }
}

/** An answerer that runs one ask at a time, whose agent answers none before it is released. */
export class TestAnswerer {
  readonly home: AskHome
  agent = new StubAgent()
  answerer: Answerer
  /** With what asks that wait for a person can go on. */
  parked: Parked | undefined
  /** How an asker stands when somebody looks. */
  standing: (id: string) => AskerStanding | undefined = (id) =>
    allowed(id === BERT.id ? BERT : askerOf('carol'))

  constructor(home: AskHome) {
    this.home = home
    this.agent.hold()
    this.answerer = this.#make()
  }

  /** As after a crash: nothing of the first one runs on, and a second one takes up what it left. */
  async restart(
    init: { laterMs?: number; held?: boolean; script?: StubAgent['script'] } = {},
  ): Promise<void> {
    this.agent = new StubAgent()
    this.agent.script = init.script
    if (init.held === true) this.agent.hold()
    await this.home.crash(init.laterMs)
    this.answerer = this.#make()
    await this.answerer.recover()
    await settle()
  }

  async ask(nth: number, changes: Partial<AskCall> = {}, asker = BERT): Promise<AskHandle> {
    const call = askCallOf(asker.name, { ask: askId(nth), text: `ask ${nth}`, ...changes })
    return await this.answerer.submit(asker, call)
  }

  async finalOf(nth: number, asker = BERT): Promise<string> {
    return codeOf((await readAnswer(this.answerer.attach(asker.id, askId(nth)))).final)
  }

  #make(): Answerer {
    const { agent, home } = this
    const { bytes, clock, store } = home
    const log = pino({ level: 'silent' })
    const standing = (id: string): AskerStanding | undefined => this.standing(id)
    const parked = async (): Promise<Parked | undefined> => this.parked
    const components = { store, bytes, agent, standing, parked, clock, log }
    return new Answerer(components, { parallel: 1, queue: 8 })
  }
}

/** An answerer for each test, of which nothing is left after it. Call it in `describe`, its result in tests. */
export function testAnswerers(): () => TestAnswerer {
  const homes = askHomes()
  let test: TestAnswerer
  beforeEach(() => {
    test = new TestAnswerer(homes())
  })
  afterEach(async () => {
    test.agent.release()
    await test.answerer.stop(0)
    assert.equal(test.home.clock.timers, 0)
  })
  return () => test
}
