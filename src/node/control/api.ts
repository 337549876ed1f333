import { z } from 'zod'
import { MAX_ASK_SECONDS, MAX_ASK_TEXT_BYTES } from '../../protocol/limits.ts'
import { GRANT_NAMES } from '../../protocol/pin.ts'
import { ASK_STATES, askFinal, askIdSchema, sessionSchema } from '../../protocol/verbs.ts'

/*
 * The control API: one table of routes, each with the schemas of what goes in and what comes out. The server makes
 * its handlers fit it, the client its calls. All times are ms since the epoch, or durations in ms.
 */

const at = z.int()
const name = z.string().min(1).max(64)

export const peerReport = z.strictObject({
  name,
  id: z.exactOptional(z.string()),
  key: z.exactOptional(z.string()),
  words: z.exactOptional(z.array(z.string())),
  addresses: z.array(z.string()),
  allow: z.array(z.enum(GRANT_NAMES)),
  ask: z.record(z.string(), z.unknown()),
  callsPerMinute: z.number(),
  confirmed: z.exactOptional(z.string()),
  /** `waiting`: it has not shown its key log yet. */
  state: z.enum(['connected', 'disconnected', 'waiting', 'frozen']),
  connectedAt: z.exactOptional(at),
  outbound: z.exactOptional(z.boolean()),
  software: z.exactOptional(z.string()),
  /** Why the last dial failed, and when the next is due. */
  lastError: z.exactOptional(z.string()),
  nextDialAt: z.exactOptional(at),
})

export const askReport = z.strictObject({
  ask: z.string(),
  direction: z.enum(['in', 'out']),
  /** Our name for the other side, `self`, or its node id when it is no longer pinned. */
  peer: z.string(),
  state: z.enum(ASK_STATES),
  receivedAt: at,
  deadlineAt: at,
  finalAt: z.exactOptional(at),
  final: z.exactOptional(askFinal),
  lastSeq: z.int(),
})

export const statusReport = z.strictObject({
  name: z.exactOptional(z.string()),
  id: z.string(),
  key: z.string(),
  words: z.array(z.string()),
  software: z.string(),
  pid: z.int(),
  home: z.string(),
  startedAt: at,
  uptimeMs: z.number(),
  readyAfterMs: z.number(),
  listening: z.array(z.string()),
  lobby: z.enum(['open', 'shut']),
  engine: z.string(),
  health: z.enum(['healthy', 'degraded', 'unhealthy']),
  /** What is wrong, each with what to type next. */
  problems: z.array(z.strictObject({ what: z.string(), hint: z.string().optional() })),
  asks: z.strictObject({ running: z.int(), queued: z.int(), out: z.int() }),
  peers: z.array(peerReport),
})

export const explainReport = z.strictObject({
  peer: name,
  verb: z.string(),
  allowed: z.boolean(),
  rule: z.string(),
  why: z.string(),
})

export const pingReport = z.strictObject({
  peer: name,
  rttMs: z.number(),
  /** How far the peer's clock is ahead of ours, in ms; half the round trip is its error. */
  clockOffsetMs: z.number(),
  software: z.string(),
  uptimeMs: z.number(),
})

/** Changes of peers.yaml, as `store/peers-file.ts` makes them. */
export const peerEdit = z.discriminatedUnion('op', [
  z.strictObject({
    op: z.literal('add'),
    peer: z.strictObject({
      name,
      id: z.exactOptional(z.string()),
      key: z.exactOptional(z.string()),
      addresses: z.exactOptional(z.array(z.string())),
      allow: z.exactOptional(z.array(z.enum(GRANT_NAMES))),
    }),
  }),
  z.strictObject({ op: z.literal('remove'), name }),
  z.strictObject({ op: z.literal('allow'), name, grants: z.array(z.enum(GRANT_NAMES)) }),
  z.strictObject({ op: z.literal('deny'), name, grants: z.array(z.enum(GRANT_NAMES)) }),
  z.strictObject({ op: z.literal('set-addresses'), name, addresses: z.array(z.string()) }),
  z.strictObject({ op: z.literal('rename'), name, to: name }),
])

export const askRequest = z.strictObject({
  /** A pinned peer's name, or `self`. */
  peer: name,
  text: z.string().min(1).max(MAX_ASK_TEXT_BYTES),
  session: z.exactOptional(sessionSchema),
  timeoutMs: z.exactOptional(
    z
      .int()
      .min(1)
      .max(MAX_ASK_SECONDS * 1_000),
  ),
  /** Chosen by the caller, to send the same ask again without a second run. */
  ask: z.exactOptional(askIdSchema),
  /** Stay in the outbox while the peer is absent. */
  wait: z.exactOptional(z.boolean()),
  retryOf: z.exactOptional(askIdSchema),
})

const nothing = z.strictObject({})
const peerPath = z.strictObject({ name })
const askPath = z.strictObject({ ask: askIdSchema })

/** A route: its method and path, and the schemas of path, query and body together, and of what it gives. */
export interface Route<I extends z.ZodType, O extends z.ZodType> {
  method: 'GET' | 'POST'
  path: string
  input: I
  output: O
  /** A stream of server-sent events, each of which is an `output`. */
  stream?: true
}

function route<I extends z.ZodType, O extends z.ZodType>(
  method: 'GET' | 'POST',
  path: string,
  input: I,
  output: O,
): Route<I, O> {
  return { method, path, input, output }
}

export const askStreamItem = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('event'),
    seq: z.int(),
    body: z.record(z.string(), z.unknown()),
  }),
  z.strictObject({ type: z.literal('final'), final: askFinal }),
])

export const ROUTES = {
  status: route('GET', '/v1/status', nothing, statusReport),
  /** Answers when the stop has begun. */
  stop: route('POST', '/v1/stop', nothing, nothing),
  peers: route('GET', '/v1/peers', nothing, z.array(peerReport)),
  editPeers: route('POST', '/v1/peers', peerEdit, z.array(peerReport)),
  explain: route(
    'GET',
    '/v1/peers/:name/explain',
    peerPath.extend({ verb: z.string().min(1).max(64) }),
    explainReport,
  ),
  ping: route(
    'POST',
    '/v1/peers/:name/ping',
    peerPath.extend({ timeoutMs: z.exactOptional(z.int().min(1).max(600_000)) }),
    pingReport,
  ),
  ask: route('POST', '/v1/asks', askRequest, askReport),
  asks: route(
    'GET',
    '/v1/asks',
    z.strictObject({ limit: z.coerce.number().int().min(1).max(1_000).default(100) }),
    z.array(askReport),
  ),
  showAsk: route(
    'GET',
    '/v1/asks/:ask',
    askPath,
    askReport.extend({ text: z.string(), answer: z.string() }),
  ),
  cancelAsk: route('POST', '/v1/asks/:ask/cancel', askPath, askReport),
  askEvents: {
    ...route(
      'GET',
      '/v1/asks/:ask/events',
      askPath.extend({ after: z.exactOptional(z.coerce.number().int().nonnegative()) }),
      askStreamItem,
    ),
    stream: true,
  },
} as const

export type Routes = typeof ROUTES
export type RouteName = keyof Routes
export type Input<N extends RouteName> = z.input<Routes[N]['input']>
export type Output<N extends RouteName> = z.output<Routes[N]['output']>

export type AskReport = z.infer<typeof askReport>
export type ExplainReport = z.infer<typeof explainReport>
export type PeerReport = z.infer<typeof peerReport>
export type PingReport = z.infer<typeof pingReport>
export type StatusReport = z.infer<typeof statusReport>
export type AskStreamItem = z.infer<typeof askStreamItem>

/** The body of every answer that is not a success. */
export interface ErrorBody {
  error: {
    code: string
    /** For our own operator. */
    message: string
    details: Record<string, unknown>
    /** What to type next. */
    hint?: string
    /** True when a peer refused, false when this node did. */
    fromPeer: boolean
  }
}
