import type { LanguageModel } from 'ai'
import type { Secret } from '../../secret.ts'
import { priceOf } from './prices.ts'
import type { OwnPrice, Price } from './prices.ts'
import { loadModel, splitModelName } from './providers.ts'
import type { ModelName, ProviderInit } from './providers.ts'

export interface CatalogInit {
  /** `provider/model`, the first choice first: each further one answers where those before it fail. */
  models: readonly string[]
  /** By our name for it. */
  providers: Readonly<Record<string, ProviderInit>>
  /** By `provider/model`. What is not here has the price in the table, or none that is known. */
  prices?: Readonly<Record<string, OwnPrice>>
}

/** A model that can be called. */
export interface ServedModel {
  /** `provider/model`. */
  name: string
  /** Our name for its provider. */
  provider: string
  client: LanguageModel
  price: Price
}

/** The models of an engine, each loaded when it is first used. */
export class Catalog {
  readonly #init: CatalogInit
  readonly #names: readonly (ModelName & { init: ProviderInit })[]
  readonly #loaded = new Map<number, Promise<ServedModel>>()
  readonly #secrets: readonly Secret[]

  /** @throws {TypeError} for no model, and for one whose name has no provider that there is */
  constructor(init: CatalogInit) {
    this.#init = init
    this.#names = init.models.map((name) => {
      const split = splitModelName(name)
      const provider =
        split !== undefined && Object.hasOwn(init.providers, split.provider)
          ? init.providers[split.provider]
          : undefined
      if (split === undefined || provider === undefined) {
        throw new TypeError(`no provider for the model ${JSON.stringify(name)}`)
      }
      return { ...split, init: provider }
    })
    if (this.#names.length === 0) throw new TypeError('an engine needs a model')
    this.#secrets = Object.values(init.providers).flatMap(({ apiKey }) => apiKey ?? [])
  }

  get size(): number {
    return this.#names.length
  }

  /** The model at this place, from 0. */
  async at(place: number): Promise<ServedModel> {
    const loading = this.#loaded.get(place) ?? this.#load(place)
    this.#loaded.set(place, loading)
    return await loading
  }

  /** `text` without any of our keys. */
  scrub(text: string): string {
    return this.#secrets.reduce((left, secret) => secret.scrub(left), text)
  }

  async #load(place: number): Promise<ServedModel> {
    const named = this.#names[place]
    if (named === undefined) throw new TypeError(`there is no model ${place}`)
    const { init, model, provider } = named
    const name = `${provider}/${model}`
    const client = await loadModel(init, model)
    return { name, provider, client, price: await priceOf(init, model, this.#init.prices?.[name]) }
  }
}
