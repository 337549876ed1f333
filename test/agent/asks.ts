import type { Engine, EngineAsk, EngineEvent } from '../../src/agent/ports.ts'

export const OWN_ID = 'kith1own'
export const PEER_ID = 'kith1nas'

/** An ask of a peer called nas that may use nothing, save for what `changes` says. */
export function askOf(text: string, changes: Partial<EngineAsk> = {}): EngineAsk {
  return {
    id: '019aa000-0000-7000-8000-000000000001',
    asker: { name: 'nas', id: PEER_ID },
    text,
    presets: ['none'],
    chain: [PEER_ID],
    approve: [],
    deadlineAt: Date.UTC(2026, 10, 21, 9),
    ...changes,
  }
}

/** All events of one ask that nobody aborts. */
export async function eventsOf(engine: Engine, ask: EngineAsk): Promise<EngineEvent[]> {
  return Array.fromAsync(engine.run(ask, new AbortController().signal))
}

/** The text of an answer. */
export function textOf(events: readonly EngineEvent[]): string {
  return events.map((event) => (event.kind === 'text' ? event.text : '')).join('')
}

/** What the last event says: `done`, or the code and details of the failure. */
export function endOf(events: readonly EngineEvent[]): unknown {
  const end = events.at(-1)
  return end?.kind === 'failed' ? { code: end.code, details: end.details } : end?.kind
}
