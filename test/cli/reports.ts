import type {
  AskReport,
  AskStreamItem,
  PeerReport,
  StatusReport,
} from '../../src/node/control/api.ts'

/** Reports as a node makes them, for commands to show. */

export const ASK = '01a1fd59-cf8b-7439-a210-16c85c16601c'
export const ID = 'kith1ol6bqvz2k6cmclj2qizzh34mmfqm6zcfufgflbrsjyec5r542usa'
export const KEY = '12D3KooWDW3iHE5fsdrs8JtKL3u5yyA3EKc4XxamyPNcXsyhGZpA'

export const bob: PeerReport = {
  name: 'bob',
  id: ID,
  key: KEY,
  words: ['divert', 'daughter', 'doll', 'steak'],
  addresses: ['/ip4/127.0.0.1/tcp/7423'],
  allow: ['ping', 'ask'],
  ask: { preset: 'none', perMinute: 30, approve: [], untilAt: 1_800_000_000_000 },
  callsPerMinute: 6_000,
  state: 'connected',
  connectedAt: 1_790_000_000_000,
  outbound: true,
  software: 'kith/0.1.0',
}

export const status: StatusReport = {
  name: 'alice',
  id: ID,
  key: KEY,
  words: ['bread', 'lunar', 'sketch', 'search'],
  software: 'kith/0.1.0',
  pid: 4711,
  home: '/nowhere/.kith',
  startedAt: 1_790_000_000_000,
  uptimeMs: 185_000,
  readyAfterMs: 203,
  listening: ['/ip4/127.0.0.1/tcp/7424'],
  lobby: 'shut',
  engine: 'builtin',
  health: 'healthy',
  components: [],
  problems: [],
  asks: { running: 1, queued: 2, out: 3 },
  peers: [bob],
  jobs: { on: 2, running: 1, queued: 0, nextAt: Date.UTC(2026, 10, 21, 7, 30) },
  parts: [],
  pairings: { invites: [], joins: [] },
}

export const ask: AskReport = {
  ask: ASK,
  direction: 'out',
  peer: 'bob',
  state: 'running',
  receivedAt: 1_790_000_000_000,
  deadlineAt: 1_790_000_600_000,
  lastSeq: 2,
}

export function text(seq: number, piece: string): AskStreamItem {
  return { type: 'event', seq, body: { kind: 'text', text: piece } }
}

export function progress(seq: number, note: string): AskStreamItem {
  return { type: 'event', seq, body: { kind: 'progress', note } }
}

export function tool(seq: number, state: string, name = 'read_file'): AskStreamItem {
  return { type: 'event', seq, body: { kind: 'tool', call: 'c1', name, state } }
}

export const APPROVAL = '01a1fd59-cf8b-7439-a210-16c85c16601d'

export function approval(seq: number, state: string, what = 'rm -r build'): AskStreamItem {
  return { type: 'event', seq, body: { kind: 'approval', approval: APPROVAL, state, what } }
}

export const done: AskStreamItem = {
  type: 'final',
  final: { outcome: 'done', end: { ask: ASK, engine: 'builtin', lastSeq: 2 } },
}

export function failed(code: string, details: Record<string, string | number> = {}): AskStreamItem {
  return { type: 'final', final: { outcome: 'failed', code, details } }
}
