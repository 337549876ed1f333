import type { Contender } from './contender.ts'
import { readAnswer, serveModel } from './model-stream.ts'

/**
 * The call of a model by `fetch` alone: what every agent pays at least. `fetch` keeps its connections, so that a
 * warm connect is a call here.
 */
export const provider: Contender = {
  serve: async () => {
    const { stop, url } = await serveModel()
    return { address: url, stop }
  },
  client: async () => ({
    connect: async (url) => ({
      call: async () => await readAnswer(url, 'Say something.'),
      close: async () => undefined,
    }),
    stop: async () => undefined,
  }),
}
