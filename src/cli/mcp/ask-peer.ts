import { randomBytes } from 'node:crypto'
import type { CallToolResult, ServerContext } from '@modelcontextprotocol/server'
import type { Input } from '../../node/control/api.ts'
import { uuidV7 } from '../../protocol/uuid.ts'
import type { CliContext } from '../context.ts'
import { reportFailure } from '../failure.ts'
import { followAsk } from '../follow-ask.ts'
import { note } from '../terminal.ts'
import { AskProgress } from './ask-progress.ts'
import { askResult } from './results.ts'

/** What the tool `ask_peer` takes. */
export interface AskPeerInput {
  peer: string
  text: string
  session?: string | undefined
  timeout_seconds?: number | undefined
  preset?: Input<'ask'>['preset'] | undefined
  max_usd?: number | undefined
}

/** The request that a call of the tool is part of, as the protocol's library has it. */
export type McpRequest = Pick<ServerContext['mcpReq'], '_meta' | 'notify' | 'signal'>

/**
 * Asks a peer, tells of what comes meanwhile, and gives the result of the call. A request that is aborted cancels its
 * ask, whether or not the node has taken it yet.
 *
 * @throws {KithError} what the node refused
 * @throws {RefusedByPeer} what the peer refused
 * @throws the signal's reason, when the ask is cancelled
 */
export async function askPeer(
  cli: CliContext,
  input: AskPeerInput,
  request: McpRequest,
): Promise<CallToolResult> {
  const { signal } = request
  signal.throwIfAborted()
  // An id of our own, so that there is something to cancel before the node has answered.
  const ask = uuidV7(Date.now(), randomBytes(10))
  const progress = new AskProgress(request, input.peer)
  try {
    // Without the signal: once it is sent, the node takes it, and only then can it be cancelled.
    await cli.client.call('ask', requestOf(ask, input))
    let text = ''
    for await (const item of followAsk(cli, ask, 0, signal)) {
      if (item.type === 'final') {
        return await askResult(cli, { ask, peer: input.peer, text, final: item.final })
      }
      const { kind, text: piece } = item.body
      if (kind === 'text' && typeof piece === 'string') text += piece
      progress.show(item.body, text)
    }
    throw new TypeError('the stream of an ask ends with its final')
  } catch (err) {
    if (signal.aborted) await cancel(cli, ask)
    throw err
  } finally {
    progress.close()
  }
}

async function cancel(cli: CliContext, ask: string): Promise<void> {
  await cli.client.call('cancelAsk', { ask }).catch((err: unknown) => {
    note(cli, `mcp: ${ask} was not cancelled: ${reportFailure(err).error.message}`)
  })
}

function requestOf(ask: string, input: AskPeerInput): Input<'ask'> {
  const { max_usd: usd, peer, preset, session, text, timeout_seconds: seconds } = input
  return {
    ...{ ask, peer, text },
    ...(session === undefined ? {} : { session }),
    ...(preset === undefined ? {} : { preset }),
    ...(seconds === undefined ? {} : { timeoutMs: seconds * 1_000 }),
    // Rounded down: it is a limit.
    ...(usd === undefined ? {} : { budget: { microUsd: Math.floor(usd * 1_000_000) } }),
  }
}
