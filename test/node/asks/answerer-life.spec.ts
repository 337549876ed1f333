import assert from 'node:assert/strict'
import { join } from 'node:path'
import fc from 'fast-check'
import { pino } from 'pino'
import { Answerer } from '../../../src/node/asks/answerer.ts'
import type { AskerStanding } from '../../../src/node/asks/handle.ts'
import type { AskerInfo } from '../../../src/node/asks/handle.ts'
import { isFinal } from '../../../src/protocol/ask.ts'
import { encode } from '../../../src/protocol/cbor.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { ASK_STATES } from '../../../src/protocol/verbs.ts'
import type { AskFinal } from '../../../src/protocol/verbs.ts'
import { askCallOf, askId, askerPeer } from '../../helpers/ask-calls.ts'
import { AskHome, readAnswer } from '../../helpers/ask-home.ts'
import { settle } from '../../helpers/memory-channel.ts'
import { StubAgent } from '../../helpers/stub-agent.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { hex } from '../../vectors/seeds.ts'

const FINALS: readonly string[] = ASK_STATES.filter(isFinal)
const ASKERS = ['anna', 'bert'].map((name): AskerInfo => {
  const { id, pin } = askerPeer(name)
  return { name, id, grant: { ...pin.ask, parallel: 1, queue: 2 } }
})

type Step =
  | { do: 'ask' | 'cancel'; asker: number; nth: number }
  | { do: 'pass'; ms: number }
  | { do: 'finish' | 'crash' | 'stop' | 'prune' }

/** A node with two askers, which is asked, cancelled, stopped and crashed at random. */
class Life {
  /** Asks that were accepted, with every final that anybody got. */
  readonly accepted = new Map<string, { asker: AskerInfo; nth: number; finals: string[] }>()
  readonly #home: AskHome
  readonly #ran: string[] = []
  #agent = new StubAgent()
  #answerer: Answerer

  private constructor(home: AskHome) {
    this.#home = home
    this.#answerer = this.#begin()
  }

  static async begin(folder: string): Promise<Life> {
    const home = new AskHome(folder)
    await home.open()
    return new Life(home)
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'ask':
        await this.#ask(step.asker, step.nth)
        break
      case 'cancel':
        await this.#cancel(step.asker, step.nth)
        break
      case 'pass':
        this.#home.clock.advance(step.ms)
        break
      case 'finish':
        this.#agent.release()
        await settle(3)
        this.#agent.hold()
        break
      case 'stop':
        await this.#stop()
        await this.#restart(0)
        break
      case 'crash':
        await this.#restart(1_000)
        break
      case 'prune':
        await this.#home.store.prune(this.#home.clock.now() - 3_600_000)
    }
  }

  /** Lets all come to its end, and checks what each ask has become. */
  async end(): Promise<void> {
    this.#agent.release()
    for (const { asker, finals, nth } of this.accepted.values()) {
      const handle = this.#answerer.attach(asker.id, askId(nth))
      finals.push(textOf((await readAnswer(handle)).final))
    }
    for (const [key, { finals, nth }] of this.accepted) {
      assert.equal(new Set(finals).size, 1, `${key} has several finals`)
      const steps = (await this.#home.steps(askId(nth))).filter((step) => FINALS.includes(step))
      const askers = ASKERS.filter(({ id }) => this.accepted.has(`${id} ${nth}`))
      assert.equal(steps.length, askers.length, `${key} ended ${steps.join(', ')}`)
    }
    assert.equal(new Set(this.#ran).size, this.#ran.length, 'an ask ran twice')
    assert.equal((await this.#home.store.verify()).intact, true)
    await this.#answerer.stop(0)
    assert.equal(this.#home.clock.timers, 0)
    await this.#home.close()
  }

  #begin(): Answerer {
    this.#agent = new StubAgent()
    this.#agent.hold()
    const { bytes, clock, store } = this.#home
    const agent = {
      name: 'stub',
      run: (...[ask, signal]: Parameters<StubAgent['run']>) => {
        this.#ran.push(`${ask.asker.id} ${ask.id}`)
        return this.#agent.run(ask, signal)
      },
    }
    const log = pino({ level: 'silent' })
    const standing = (id: string): AskerStanding | undefined => {
      const asker = ASKERS.find((other) => other.id === id)
      return asker === undefined ? undefined : { asker, deniedBy: undefined }
    }
    const parked = async (): Promise<undefined> => undefined
    const components = { store, bytes, agent, standing, parked, clock, log }
    return new Answerer(components, { parallel: 2, queue: 3 })
  }

  async #restart(laterMs: number): Promise<void> {
    await this.#home.crash(laterMs)
    this.#answerer = this.#begin()
    await this.#answerer.recover()
  }

  async #stop(): Promise<void> {
    const stopping = this.#answerer.stop(5_000)
    this.#home.clock.advance(5_000)
    await stopping
  }

  async #ask(which: number, nth: number): Promise<void> {
    const asker = ASKERS[which]
    assert.ok(asker !== undefined)
    const call = askCallOf(asker.name, { ask: askId(nth), timeoutMs: 60_000 })
    const key = `${asker.id} ${nth}`
    try {
      const handle = await this.#answerer.submit(asker, call)
      const entry = this.accepted.get(key) ?? { asker, nth, finals: [] }
      this.accepted.set(key, entry)
      // One that a crash cuts off never ends.
      void readAnswer(handle).then(({ final }) => entry.finals.push(textOf(final)))
    } catch (err) {
      assert.ok(isFailure(err, 'busy'), String(err))
      assert.equal(this.accepted.has(key), false, 'a duplicate was refused')
    }
  }

  async #cancel(which: number, nth: number): Promise<void> {
    const asker = ASKERS[which]
    assert.ok(asker !== undefined)
    const known = this.accepted.has(`${asker.id} ${nth}`)
    const cancelling = this.#answerer.cancel(asker.id, askId(nth))
    if (known) assert.ok(isFinal((await cancelling).state))
    else await assert.rejects(cancelling, { code: 'bad-request' })
  }
}

describe('the asks that a node answers', () => {
  const folder = tempFolder()
  let lives = 0

  it('have one final each and run at most once, through cancels, stops and crashes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep(), { maxLength: 40, size: 'max' }), async (steps) => {
        const life = await Life.begin(join(folder(), String(lives++)))
        for (const step of steps) await life.take(step)
        await life.end()
      }),
      { numRuns: 40, endOnFailure: true },
    )
  })
})

function anyStep(): fc.Arbitrary<Step> {
  const ask = { asker: fc.nat({ max: 1 }), nth: fc.nat({ max: 5 }) }
  const of = <T extends string>(text: T): fc.Arbitrary<T> => fc.constant(text)
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: of('ask'), ...ask }) },
    { weight: 3, arbitrary: fc.record({ do: of('cancel'), ...ask }) },
    { weight: 2, arbitrary: fc.record({ do: of('pass'), ms: fc.nat({ max: 40_000 }) }) },
    { weight: 4, arbitrary: fc.record({ do: of('finish') }) },
    { weight: 1, arbitrary: fc.record({ do: of('crash') }) },
    { weight: 1, arbitrary: fc.record({ do: of('stop') }) },
    { weight: 1, arbitrary: fc.record({ do: of('prune') }) },
  )
}

function textOf(final: AskFinal): string {
  return hex(encode(final))
}
