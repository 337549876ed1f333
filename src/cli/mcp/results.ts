import type { CallToolResult } from '@modelcontextprotocol/server'
import type { PeerReport, PingReport } from '../../node/control/api.ts'
import { isWireCode, WIRE_CODES } from '../../protocol/errors.ts'
import { singleLine } from '../../protocol/text.ts'
import type { AskFinal } from '../../protocol/verbs.ts'
import { sameHome } from '../context.ts'
import type { CliContext } from '../context.ts'
import { AskFailed, reportFailure } from '../failure.ts'

/** A version is the peer's own word: no longer than it may be on the wire. */
const MAX_SOFTWARE_CHARS = 64

/** An ask, and its answer as it came. */
export interface Answered {
  ask: string
  peer: string
  text: string
  final: AskFinal
}

/** What an ask has brought: the answer framed as data, or why there is none and what to do. */
export async function askResult(cli: CliContext, answered: Answered): Promise<CallToolResult> {
  const { ask, final, peer, text } = answered
  // Loaded here alone: the agent's part of this program is not the command line's.
  const { framed } = await import('../../agent/untrusted.ts')
  const answer = text === '' ? '' : framed(text, `the peer ${peer}`)
  if (final.outcome === 'failed') {
    const failure = failureOf(cli, new AskFailed({ ...final, peer, ask }))
    const part = answer === '' ? '' : `\nWhat came before that, which is not whole:\n${answer}`
    return told(`${failure.text}${part}`, { ...failure.structured, ask, peer }, true)
  }
  const shown = answer === '' ? `${peer} answered with an empty text.` : answer
  return told(shown, {
    outcome: 'done',
    ask,
    peer,
    engine: singleLine(final.end.engine, 64),
    answer: shown,
  })
}

export function pingResult(report: PingReport): CallToolResult {
  const { clockOffsetMs, peer, rttMs, software, uptimeMs } = report
  const version = singleLine(software, MAX_SOFTWARE_CHARS)
  return told(`${peer} answered in ${rttMs.toFixed(1)} ms (${version}).`, {
    peer,
    rtt_ms: rttMs,
    clock_offset_ms: clockOffsetMs,
    uptime_ms: uptimeMs,
    software: version,
  })
}

export function peersResult(reports: readonly PeerReport[]): CallToolResult {
  const peers = reports.map(({ id, name, state }) => ({
    name,
    state,
    ...(id === undefined ? {} : { id }),
  }))
  const lines = peers.map(({ name, state }) => `${name}: ${state}`)
  const text = lines.length === 0 ? 'No peer is pinned here.' : lines.join('\n')
  return told(text, { peers })
}

/** A failed call, with the code of what went wrong and what to do about it. */
export function failed(cli: CliContext, err: Error): CallToolResult {
  const { structured, text } = failureOf(cli, err)
  return told(text, structured, true)
}

function failureOf(
  cli: CliContext,
  err: Error,
): { text: string; structured: Record<string, unknown> } {
  const { code, fromPeer, hint, message } = reportFailure(err).error
  const next = hint === undefined ? nextOf(code) : sameHome(cli, hint)
  return {
    text: `${code}: ${message}\nWhat to do: ${next}`,
    structured: { outcome: 'failed', code, message, next, from_peer: fromPeer },
  }
}

function nextOf(code: string): string {
  if (!isWireCode(code)) return 'see what its owner finds with: kith doctor'
  return WIRE_CODES[code].retryable
    ? 'the same call may succeed later'
    : 'do not repeat this call as it is'
}

function told(
  text: string,
  structuredContent: Record<string, unknown>,
  isError = false,
): CallToolResult {
  return {
    content: [{ type: 'text', text }],
    structuredContent,
    ...(isError ? { isError } : {}),
  }
}
