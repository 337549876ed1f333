import { askedOver } from './asked-nodes.ts'
import { serveModel } from './model-stream.ts'

/**
 * As `kith-ask`, but a model answers: the engine calls the server of `provider`, in the process of the node that
 * answers, within its budget, and what it streams comes to the asker event by event.
 */
export const agent = askedOver({
  text: 'Say something.',
  beside: async () => {
    const model = await serveModel()
    const provider = { name: 'bench', kind: 'openai-compatible', url: model.url }
    const flags = {
      'agent.engine': 'model',
      'agent.providers': [provider],
      'agent.model.use': ['bench/model'],
    }
    return { flags, stop: model.stop }
  },
})
