import { z } from 'zod'

/** A route: its method and path, and the schemas of path, query and body together, and of what it gives. */
export interface Route<I extends z.ZodType, O extends z.ZodType> {
  method: 'GET' | 'POST'
  path: string
  input: I
  output: O
  /** A stream of server-sent events, each of which is an `output`. */
  stream?: true
}

/** A route whose answer is one JSON value. */
export function route<I extends z.ZodType, O extends z.ZodType>(
  method: 'GET' | 'POST',
  path: string,
  input: I,
  output: O,
): Route<I, O> {
  return { method, path, input, output }
}

/** A route whose answer is a stream of server-sent events. */
export function streamRoute<I extends z.ZodType, O extends z.ZodType>(
  path: string,
  input: I,
  output: O,
): Route<I, O> & { stream: true } {
  return { ...route('GET', path, input, output), stream: true }
}

/** Ms since the epoch. */
export const at = z.int()

/** Our name for a peer. */
export const peerName = z.string().min(1).max(64)

export const nothing = z.strictObject({})

/** The names in the table `R` whose routes are streams. */
export type StreamNameOf<R> = {
  [N in keyof R]: R[N] extends { stream: true } ? N : never
}[keyof R]

type Table = Record<string, Route<z.ZodType, z.ZodType>>

/** What each route of the table `R` does: input checked, output as its schema says; a stream's items as they come. */
export type HandlersOf<R extends Table> = {
  [N in keyof R]: (
    input: z.output<R[N]['input']>,
    signal: AbortSignal,
  ) => Promise<
    N extends StreamNameOf<R> ? AsyncIterable<z.output<R[N]['output']>> : z.output<R[N]['output']>
  >
}
