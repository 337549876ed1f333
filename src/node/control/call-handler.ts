import type { CallName, Input, Output } from './api.ts'

/** What the route `name` answers, by a handler of this process. Without a signal, nobody gives up. @throws as it does */
export async function callHandler<N extends CallName>(
  handlers: Readonly<Record<N, (...given: never[]) => unknown>>,
  name: N,
  input: Input<N>,
  signal: AbortSignal = new AbortController().signal,
): Promise<Output<N>> {
  // The types of a route's handler, its input and its output go by the same name.
  const handle = handlers[name] as (input: Input<N>, signal: AbortSignal) => Promise<Output<N>>
  return await handle(input, signal)
}
