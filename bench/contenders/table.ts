import type { Contender } from './contender.ts'

/**
 * All contenders, in the order of the table. Each is loaded only in the processes that run it, so
 * that nobody pays for the imports of another.
 */
export const CONTENDERS: ReadonlyMap<string, () => Promise<Contender>> = new Map([
  ['kith', async () => (await import('./kith.ts')).kith],
  ['kith-ask', async () => (await import('./kith-ask.ts')).kithAsk],
  ['agent', async () => (await import('./agent.ts')).agent],
  ['provider', async () => (await import('./provider.ts')).provider],
  ['tcp', async () => (await import('./tcp.ts')).tcp],
  ['tls', async () => (await import('./tls.ts')).tls],
  ['grpc', async () => (await import('./grpc.ts')).grpc],
  ['nats', async () => (await import('./nats.ts')).nats],
  ['libp2p', async () => (await import('./libp2p.ts')).libp2p],
])

/** @throws {TypeError} when there is no contender of that name. */
export async function loadContender(name: string): Promise<Contender> {
  const load = CONTENDERS.get(name)
  if (load === undefined) throw new TypeError(`no contender named ${name}`)
  return load()
}
