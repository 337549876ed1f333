import type { LanguageModel } from 'ai'
import type { Secret } from '../../secret.ts'

/** Where a model is served, and in which protocol. */
export type ProviderInit =
  | {
      /** Any server that speaks OpenAI's chat completions. */
      kind: 'openai-compatible'
      /** Such as `http://127.0.0.1:8080/v1`. */
      baseUrl: string
      apiKey?: Secret
    }
  | {
      kind: 'openai'
      /** @default https://api.openai.com/v1 */
      baseUrl?: string
      apiKey: Secret
      /** @default chat */
      api?: 'chat' | 'responses'
    }
  | {
      kind: 'anthropic'
      /** @default https://api.anthropic.com/v1 */
      baseUrl?: string
      apiKey: Secret
    }
  | {
      kind: 'google'
      /** @default https://generativelanguage.googleapis.com/v1beta */
      baseUrl?: string
      apiKey: Secret
    }
  | {
      kind: 'ollama'
      /** @default http://127.0.0.1:11434/api */
      baseUrl?: string
      apiKey?: Secret
    }

/** A model of one of our providers: `openrouter/anthropic/claude-opus-4.8` is `anthropic/claude-opus-4.8` there. */
export interface ModelName {
  /** Our name for the provider. */
  provider: string
  /** The provider's name for the model. */
  model: string
}

/** The two parts of a model's name, or undefined when it has not both. */
export function splitModelName(name: string): ModelName | undefined {
  const slash = name.indexOf('/')
  if (slash <= 0 || slash === name.length - 1) return undefined
  return { provider: name.slice(0, slash), model: name.slice(slash + 1) }
}

/**
 * The client for `model` at `provider`. Only the library of that kind of provider is loaded. What these libraries
 * would read of the environment where nothing is given, such as OPENAI_BASE_URL, is always given.
 */
export async function loadModel(provider: ProviderInit, model: string): Promise<LanguageModel> {
  switch (provider.kind) {
    case 'openai-compatible': {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
      return createOpenAICompatible({
        name: 'openai-compatible',
        baseURL: provider.baseUrl,
        includeUsage: true,
        fetch: fetchWithoutRedirects,
        ...(provider.apiKey === undefined ? {} : { apiKey: provider.apiKey.reveal() }),
      }).chatModel(model)
    }
    case 'openai': {
      const { createOpenAI } = await import('@ai-sdk/openai')
      const openai = createOpenAI(hosted(provider, 'https://api.openai.com/v1'))
      return provider.api === 'responses' ? openai.responses(model) : openai.chat(model)
    }
    case 'anthropic': {
      const { createAnthropic } = await import('@ai-sdk/anthropic')
      return createAnthropic(hosted(provider, 'https://api.anthropic.com/v1')).languageModel(model)
    }
    case 'google': {
      const { createGoogleGenerativeAI } = await import('@ai-sdk/google')
      const baseUrl = 'https://generativelanguage.googleapis.com/v1beta'
      return createGoogleGenerativeAI(hosted(provider, baseUrl)).languageModel(model)
    }
    case 'ollama': {
      const { createOllama } = await import('ollama-ai-provider-v2')
      return createOllama({
        baseURL: provider.baseUrl ?? 'http://127.0.0.1:11434/api',
        fetch: fetchWithoutRedirects,
        headers:
          provider.apiKey === undefined
            ? {}
            : { authorization: `Bearer ${provider.apiKey.reveal()}` },
      }).languageModel(model)
    }
  }
}

function hosted(
  { apiKey, baseUrl }: { apiKey: Secret; baseUrl?: string },
  defaultUrl: string,
): { apiKey: string; baseURL: string; fetch: typeof fetch } {
  return {
    apiKey: apiKey.reveal(),
    baseURL: baseUrl ?? defaultUrl,
    fetch: fetchWithoutRedirects,
  }
}

/** A redirect could carry the key to another host: only `Authorization` is taken off by fetch (Fetch §4.4). */
const fetchWithoutRedirects: typeof fetch = (input, init) =>
  fetch(input, { ...init, redirect: 'error' })
