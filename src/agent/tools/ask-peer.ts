import { z } from 'zod'
import { KithError } from '../../protocol/errors.ts'
import { MAX_ASK_TEXT_BYTES, MAX_CHAIN } from '../../protocol/limits.ts'
import type { EngineAsk, EngineEvent, NodeFacts, SpendLimit } from '../ports.ts'
import type { Presets, StandardPreset } from '../presets.ts'
import { MAX_OUTPUT_BYTES } from '../toolbox.ts'
import { defineTool } from './tool.ts'
import type { Tool, ToolOutput } from './tool.ts'

const MAX_PEER_CHARS = 64

/** What is asked of a peer on behalf of an ask: nothing in it is wider than that ask. */
export interface PeerAsk {
  /** Our local name for the peer. */
  peer: string
  text: string
  /** All nodes that it came through, this one last. */
  chain: readonly string[]
  /** In ms since the epoch. */
  deadlineAt: number
  preset: StandardPreset
  /** As the ask has it: the caller takes off what was spent already. */
  budget?: SpendLimit
}

/** Asks peers. */
export interface PeerCaller {
  /**
   * The events of the answer, with its one end. Leaving it early cancels it.
   *
   * @throws {KithError} `denied` with rule `depth` when the grant of the asker lets its asks go no further; `cycle`;
   *   `unknown-peer`; `unreachable`
   */
  ask(init: PeerAsk, onBehalfOf: EngineAsk, signal: AbortSignal): AsyncIterable<EngineEvent>
}

export interface AskPeerComponents {
  facts: Pick<NodeFacts, 'describe'>
  peers: PeerCaller
  presets: Presets
}

/** The tool that asks a peer. Chain, deadline, budget and preset of the ask go with it. */
export function askPeerTool({ facts, peers, presets }: AskPeerComponents): Tool {
  return defineTool({
    name: 'ask_peer',
    class: 'spend',
    description: 'Asks a pinned peer, by its name, and returns its answer.',
    input: z.strictObject({
      peer: z.string().min(1).max(MAX_PEER_CHARS),
      text: z.string().min(1).max(MAX_ASK_TEXT_BYTES),
    }),
    what: ({ peer, text }) => `ask ${peer}: ${text}`,
    key: ({ peer }) => `ask ${peer}`,
    run: async ({ peer, text }, { ask, signal }) => {
      const chain = [...ask.chain, facts.describe().id]
      if (chain.length > MAX_CHAIN) {
        throw new KithError('denied', 'it came through too many nodes', { rule: 'depth' })
      }
      const init: PeerAsk = {
        ...{ chain, peer, text },
        deadlineAt: ask.deadlineAt,
        preset: presets.handedOn(ask.presets),
        ...(ask.budget === undefined ? {} : { budget: ask.budget }),
      }
      return answerOf(peers.ask(init, ask, signal), `the peer ${peer}`)
    },
  })
}

/** The text of an answer, as far as it is shown; a bad end is said in it. */
async function answerOf(events: AsyncIterable<EngineEvent>, source: string): Promise<ToolOutput> {
  let text = ''
  for await (const event of events) {
    if (event.kind === 'text') text += event.text
    if (event.kind === 'failed') {
      return { text: `${text}\n[no answer, or not all of it: ${event.code}]`, source, failed: true }
    }
    if (Buffer.byteLength(text) > MAX_OUTPUT_BYTES) break
  }
  return { text, source }
}
