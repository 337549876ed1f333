import { z } from 'zod'
import { answerJobsAndRuns } from '../engines/builtin-jobs.ts'
import { answerAsks, answerPeers, answerStatus, answerTime } from '../engines/builtin-node.ts'
import { isOwner } from '../owner.ts'
import type { EngineAsk, NodeFacts } from '../ports.ts'
import { defineTool } from './tool.ts'
import type { Tool } from './tool.ts'

const nothing = z.strictObject({})

type Answer = (call: NodeCall) => Iterable<string> | AsyncIterable<string>

interface NodeCall {
  asker: EngineAsk['asker']
  facts: NodeFacts
  owner: boolean
}

/** The tools that tell of the node itself, each asker no more than it may know. */
export function nodeTools(facts: NodeFacts): Tool[] {
  const tool = (name: string, description: string, answer: Answer): Tool =>
    defineTool({
      name,
      class: 'read',
      description,
      input: nothing,
      what: () => name,
      run: async (_input, { ask: { asker } }) => {
        const lines = answer({ asker, facts, owner: isOwner(asker, facts) })
        return { text: (await Array.fromAsync(lines)).join('') }
      },
    })
  return [
    tool('node_status', 'How this node is.', answerStatus),
    tool('list_peers', 'How many peers there are; which ones, for the owner.', answerPeers),
    tool('list_asks', 'The latest asks of whoever asks; all of them, for the owner.', answerAsks),
    tool(
      'list_jobs',
      'The jobs of this node, when they are due, and their latest runs.',
      answerJobsAndRuns,
    ),
    tool('current_time', 'The time where this node is.', answerTime),
  ]
}
