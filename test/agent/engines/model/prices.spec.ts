import assert from 'node:assert/strict'
import { mostMicroUsd, priceOf } from '../../../../src/agent/engines/model/prices.ts'
import type { OwnPrice, TokenCount } from '../../../../src/agent/engines/model/prices.ts'
import type { ProviderInit } from '../../../../src/agent/engines/model/providers.ts'
import { Secret } from '../../../../src/agent/secret.ts'

const apiKey = new Secret('k')
const TOKENS = { inputTokens: 1_000, outputTokens: 100 }
const local: ProviderInit = { kind: 'openai-compatible', baseUrl: 'http://127.0.0.1:8080/v1' }

describe('the price of a model', () => {
  const cases: {
    what: string
    provider: ProviderInit
    model: string
    own?: OwnPrice
    tokens?: TokenCount
    microUsd: number | undefined
  }[] = [
    {
      what: 'is that of the table for a provider that is in it',
      provider: { kind: 'anthropic', apiKey },
      model: 'claude-sonnet-4-5',
      microUsd: 4_500,
    },
    {
      what: 'is lower for tokens from a cache',
      provider: { kind: 'anthropic', apiKey },
      model: 'claude-sonnet-4-5',
      tokens: { ...TOKENS, cacheReadTokens: 1_000 },
      microUsd: 1_800,
    },
    {
      what: 'is found by the address of a compatible server',
      provider: { kind: 'openai-compatible', baseUrl: 'https://api.openai.com/v1' },
      model: 'gpt-4o',
      microUsd: 3_500,
    },
    {
      what: 'is unknown for a model that the provider is not known to have',
      provider: { kind: 'openai', apiKey },
      model: 'no-such-model',
      microUsd: undefined,
    },
    {
      what: 'is unknown at an unknown address, whatever the model is called',
      provider: local,
      model: 'gpt-4o',
      microUsd: undefined,
    },
    {
      what: 'is unknown for a server in front of a known provider',
      provider: { kind: 'openai', apiKey, baseUrl: 'http://127.0.0.1:1/v1' },
      model: 'gpt-4o',
      microUsd: undefined,
    },
    {
      what: 'is unknown for Ollama, which may be a service too',
      provider: { kind: 'ollama' },
      model: 'gpt-4o',
      microUsd: undefined,
    },
    {
      what: 'is what the owner says, before all',
      provider: { kind: 'openai', apiKey },
      model: 'gpt-4o',
      own: { inputMicroUsd: 1_000, outputMicroUsd: 0 },
      microUsd: 1,
    },
    {
      what: 'is nothing where the owner says so',
      provider: local,
      model: 'llama',
      own: { inputMicroUsd: 0, outputMicroUsd: 0 },
      microUsd: 0,
    },
    {
      what: 'is rounded up',
      provider: local,
      model: 'llama',
      own: { inputMicroUsd: 1, outputMicroUsd: 0 },
      tokens: { inputTokens: 1_001, outputTokens: 0 },
      microUsd: 1,
    },
  ]
  for (const { microUsd, model, own, provider, tokens = TOKENS, what } of cases) {
    it(what, async () => {
      assert.equal((await priceOf(provider, model, own))(tokens), microUsd)
    })
  }

  it('is at most that of an input which goes to a cache', async () => {
    const price = await priceOf({ kind: 'anthropic', apiKey }, 'claude-sonnet-4-5', undefined)
    assert.equal(mostMicroUsd(price, TOKENS), 5_250)
    assert.equal(
      mostMicroUsd(() => undefined, TOKENS),
      undefined,
    )
  })
})
