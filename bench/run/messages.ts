import { z } from 'zod'

/** What the parent asks of a server process. */
export const serverRequest = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('serve'), contender: z.string(), dir: z.string(), clients: z.int() }),
  z.object({ kind: z.literal('usage'), collectGarbage: z.boolean() }),
  z.object({ kind: z.literal('stop') }),
])

/** What the parent asks of a client process. Connections go to the address given at the start. */
export const clientRequest = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('start'),
    contender: z.string(),
    dir: z.string(),
    address: z.string(),
    clients: z.int(),
  }),
  z.object({ kind: z.literal('open') }),
  z.object({ kind: z.literal('load'), inFlight: z.int(), ms: z.number() }),
  z.object({ kind: z.literal('close') }),
  z.object({ kind: z.literal('reconnect'), times: z.int() }),
  z.object({ kind: z.literal('stop') }),
])

export type ServerRequest = z.infer<typeof serverRequest>
export type ClientRequest = z.infer<typeof clientRequest>

/** How a server process says that it serves, or what its machine lacks. */
export const served = z.union([z.object({ address: z.string() }), z.object({ lacks: z.string() })])

const usage = z.object({ cpuMicros: z.number(), rssBytes: z.number() })

/** What a server process and its broker, if it has one, have used. */
export const serverUsage = z.object({ own: usage, broker: usage.optional() })

/** What a closed loop measured; times in ms, CPU in µs, of the client's side alone. */
export const loadFigures = z.object({
  calls: z.number(),
  seconds: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  cpuMicros: z.number(),
})

/** The median time from nothing to the first answer, in a process that has connected before. */
export const reconnected = z.object({ p50Ms: z.number() })

/** The same in a fresh process, from the end of its imports; and what these took. */
export const firstConnect = z.object({ importMs: z.number(), connectMs: z.number() })

/** The answer to a request that has nothing to say but that it is done. */
export const done = z.object({ done: z.literal(true) })

/** What wraps each answer of a child. */
export const answer = z.union([z.object({ value: z.unknown() }), z.object({ error: z.string() })])

export type Served = z.infer<typeof served>
export type ServerUsage = z.infer<typeof serverUsage>
export type LoadFigures = z.infer<typeof loadFigures>
export type Reconnected = z.infer<typeof reconnected>
export type FirstConnect = z.infer<typeof firstConnect>
export type Done = z.infer<typeof done>
