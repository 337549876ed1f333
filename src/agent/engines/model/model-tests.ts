import { callModel } from './call.ts'
import type { CallComponents } from './call.ts'
import { Catalog } from './catalog.ts'
import type { CatalogInit } from './catalog.ts'
import type { ModelFault } from './fault.ts'
import type { StreamTimes } from './stream.ts'
import { OWNER_NAME } from '../../ports.ts'
import type { EngineAsk } from '../../ports.ts'

/** Longest answer, in tokens: a model that thinks first needs some before its one word. */
const MAX_TEST_TOKENS = 256

/** Time for one test, in ms. */
const TEST_MS = 60_000

export interface ModelTestsComponents extends Omit<CallComponents, 'catalog'> {
  /** Tells the tests apart in the ledger. */
  incidentId: () => string
  /** Our own node id: the owner pays. */
  ownId: string
}

/** The models of an engine, as their owner looks at them. */
export class ModelTests {
  readonly #components: ModelTestsComponents
  readonly #models: readonly string[]
  readonly #catalog: Catalog
  readonly #times: StreamTimes

  constructor(components: ModelTestsComponents, init: CatalogInit, times: StreamTimes) {
    this.#components = components
    this.#models = init.models
    this.#catalog = new Catalog(init)
    this.#times = times
  }

  /** By preference. `priced` is true where the price is known. */
  async list(): Promise<{ model: string; priced: boolean }[]> {
    return await Promise.all(
      this.#models.map(async (model, place) => {
        const { price } = await this.#catalog.at(place)
        return { model, priced: price({ inputTokens: 1, outputTokens: 1 }) !== undefined }
      }),
    )
  }

  /**
   * Calls a model that `list` has once, as for an ask of the owner: its provider's breaker hears of it, and it is in
   * the ledger. `ms` is from the request to the end of the answer.
   *
   * @throws {KithError} `breaker-open`, `budget-exhausted`, `store-failed`
   * @throws the signal's reason
   */
  async test(
    model: string,
    signal: AbortSignal,
  ): Promise<{ ok: boolean; ms: number; fault?: ModelFault }> {
    const { clock } = this.#components
    const served = await this.#catalog.at(this.#models.indexOf(model))
    const components = { ...this.#components, catalog: this.#catalog }
    const begunAt = clock.now()
    const call = callModel(components, served, this.#ask(begunAt), REQUEST, this.#times, signal)
    for (;;) {
      const { done, value } = await call.next()
      if (done !== true) continue
      const ms = clock.now() - begunAt
      return value.kind === 'reply' ? { ok: true, ms } : { ok: false, ms, fault: value.fault }
    }
  }

  #ask(now: number): EngineAsk {
    const { incidentId, ownId } = this.#components
    return {
      id: `test-${incidentId()}`,
      asker: { name: OWNER_NAME, id: ownId },
      text: 'a test of a model',
      presets: ['none'],
      approve: [],
      deadlineAt: now + TEST_MS,
      chain: [ownId],
    }
  }
}

const REQUEST = {
  system: 'This is a test of the connection. Answer with the one word: ok',
  messages: [{ role: 'user' as const, content: 'Are you there?' }],
  tools: [],
  mayCall: false,
  lead: '',
  maxOutputTokens: MAX_TEST_TOKENS,
}
