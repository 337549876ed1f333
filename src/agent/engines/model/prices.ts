import type { Usage as PricedUsage } from '@pydantic/genai-prices'
import type { ProviderInit } from './providers.ts'

/** What the owner says that a model costs, in millionths of a US dollar for a million tokens. */
export interface OwnPrice {
  inputMicroUsd: number
  outputMicroUsd: number
}

export interface TokenCount {
  inputTokens: number
  outputTokens: number
  /** Tokens among those of the input that came from the provider's cache, and that went there. */
  cacheReadTokens?: number
  cacheWriteTokens?: number
}

/** What `tokens` cost, in millionths of a US dollar, rounded up; undefined when the price is not known. */
export type Price = (tokens: TokenCount) => number | undefined

const PER_TOKENS = 1_000_000

/** The price by `own`; without it, by the table for `model` at `provider`: an unknown address has no price there. */
export async function priceOf(
  provider: ProviderInit,
  model: string,
  own: OwnPrice | undefined,
): Promise<Price> {
  if (own !== undefined) {
    return ({ inputTokens, outputTokens }) =>
      wholeMicroUsd(
        (inputTokens * own.inputMicroUsd + outputTokens * own.outputMicroUsd) / PER_TOKENS,
      )
  }
  const { calcPrice, findProvider } = await import('@pydantic/genai-prices')
  const where = provider.baseUrl === undefined ? byKind(provider) : byUrl(provider.baseUrl)
  const found = where === undefined ? undefined : findProvider(where)
  // Without the provider, the table would go by the model's name, and a model of that name here may be another one.
  if (found === undefined) return () => undefined
  return (tokens) => {
    const price = calcPrice(tableUsage(tokens), model, { provider: found })
    return price === null ? undefined : wholeMicroUsd(price.total_price * 1_000_000)
  }
}

/** The most that `inputTokens` and `outputTokens` can cost: input that goes to a cache may cost more. */
export function mostMicroUsd(
  price: Price,
  { inputTokens, outputTokens }: TokenCount,
): number | undefined {
  const plain = price({ inputTokens, outputTokens })
  const cached = price({ inputTokens, outputTokens, cacheWriteTokens: inputTokens })
  if (plain === undefined || cached === undefined) return undefined
  return Math.max(plain, cached)
}

function byKind({ kind }: ProviderInit): { providerId: string } | undefined {
  return kind === 'openai' || kind === 'anthropic' || kind === 'google'
    ? { providerId: kind }
    : undefined
}

function byUrl(providerApiUrl: string): { providerApiUrl: string } {
  return { providerApiUrl }
}

function tableUsage(tokens: TokenCount): PricedUsage {
  return {
    input_tokens: tokens.inputTokens,
    output_tokens: tokens.outputTokens,
    cache_read_tokens: tokens.cacheReadTokens ?? 0,
    cache_write_tokens: tokens.cacheWriteTokens ?? 0,
  }
}

/** Up, so that a cap is never passed by what was rounded off; what floats add beyond a thousandth is no amount. */
function wholeMicroUsd(microUsd: number): number {
  return Math.ceil(Number(microUsd.toFixed(3)))
}
