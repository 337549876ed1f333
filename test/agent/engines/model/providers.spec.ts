import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { streamText } from 'ai'
import { loadModel, splitModelName } from '../../../../src/agent/engines/model/providers.ts'
import type { ProviderInit } from '../../../../src/agent/engines/model/providers.ts'
import { Secret } from '../../../../src/agent/secret.ts'

const apiKey = new Secret('sk-canary')

describe('the name of a model', () => {
  const cases = [
    { name: 'local/llama', split: { provider: 'local', model: 'llama' } },
    { name: 'router/a/b:free', split: { provider: 'router', model: 'a/b:free' } },
    { name: 'llama', split: undefined },
    { name: '/llama', split: undefined },
    { name: 'local/', split: undefined },
  ]
  for (const { name, split } of cases) {
    it(`${name} ${split === undefined ? 'has no provider' : `is ${split.model} at ${split.provider}`}`, () => {
      assert.deepEqual(splitModelName(name), split)
    })
  }
})

describe('a provider', () => {
  let server: Server
  let url: string
  const seen: Pick<IncomingMessage, 'url' | 'headers'>[] = []
  let redirect: string | undefined

  beforeEach(async () => {
    seen.length = 0
    redirect = undefined
    server = createServer((request, response) => {
      seen.push(request)
      request.resume()
      if (redirect === undefined) response.writeHead(404)
      else response.writeHead(307, { location: redirect })
      response.end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

  afterEach(async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })

  /** Makes one call, which the server refuses. */
  async function call(provider: ProviderInit): Promise<void> {
    const model = await loadModel(provider, 'm1')
    const result = streamText({ model, prompt: 'hi', maxRetries: 0, onError: () => undefined })
    await result.consumeStream({ onError: () => undefined })
  }

  const kinds: [
    init: (baseUrl: string) => ProviderInit,
    path: string,
    header: string,
    value: string,
  ][] = [
    [
      (baseUrl) => ({ kind: 'openai-compatible', baseUrl, apiKey }),
      '/chat/completions',
      'authorization',
      'Bearer sk-canary',
    ],
    [
      (baseUrl) => ({ kind: 'openai', baseUrl, apiKey }),
      '/chat/completions',
      'authorization',
      'Bearer sk-canary',
    ],
    [
      (baseUrl) => ({ kind: 'openai', baseUrl, apiKey, api: 'responses' }),
      '/responses',
      'authorization',
      'Bearer sk-canary',
    ],
    [(baseUrl) => ({ kind: 'anthropic', baseUrl, apiKey }), '/messages', 'x-api-key', 'sk-canary'],
    [
      (baseUrl) => ({ kind: 'google', baseUrl, apiKey }),
      '/models/m1:streamGenerateContent?alt=sse',
      'x-goog-api-key',
      'sk-canary',
    ],
    [
      (baseUrl) => ({ kind: 'ollama', baseUrl, apiKey }),
      '/chat',
      'authorization',
      'Bearer sk-canary',
    ],
  ]
  for (const [init, path, header, value] of kinds) {
    const { kind } = init('')
    it(`of the kind ${kind} is asked at ${path}, with its key in ${header}`, async () => {
      await call(init(url))
      assert.equal(seen[0]?.url, path)
      assert.equal(seen[0].headers[header], value)
    })

    it(`of the kind ${kind} cannot send us, and the key, elsewhere from ${path}`, async () => {
      redirect = `${url}/elsewhere`
      await call(init(url))
      assert.deepEqual(
        seen.map((request) => request.url),
        [path],
      )
    })
  }

  it('without a key is sent none', async () => {
    await call({ kind: 'openai-compatible', baseUrl: url })
    assert.equal(seen[0]?.headers.authorization, undefined)
  })
})
