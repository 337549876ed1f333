import { networkInterfaces } from 'node:os'
import type { Config } from './config.ts'

/** Where others can reach us: what the owner says, or what we listen on with this machine's own addresses filled in. */
export function announced(config: Pick<Config, 'announce' | 'listen'>): string[] {
  if (config.announce.length > 0) return config.announce
  return [...new Set(config.listen.flatMap(expand))]
}

/** Where others can reach a node that listens on these addresses, with real ports; loopback only where there is nothing else. */
export function reachable(
  config: Pick<Config, 'announce'>,
  listening: readonly string[],
): string[] {
  if (config.announce.length > 0) return config.announce
  const outside = listening.filter(
    (address) => !/^\/(?:ip4\/127\.|ip6\/::1\/|ip6\/fe80:)/i.test(address),
  )
  return outside.length > 0 ? outside : [...listening]
}

/** A wildcard address as one for each interface; loopback only where there is nothing else. */
function expand(address: string): string[] {
  const [, family, wildcard, rest = ''] = /^\/(ip4|ip6)\/(0\.0\.0\.0|::)(\/.*)$/.exec(address) ?? []
  if (family === undefined || wildcard === undefined) return [address]
  const all = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((entry) => (entry.family === 'IPv4' ? 'ip4' : 'ip6') === family)
    // A link-local address means something only together with an interface of the other machine.
    .filter((entry) => entry.scopeid === undefined || entry.scopeid === 0)
  const outside = all.filter(({ internal }) => !internal)
  return (outside.length > 0 ? outside : all).map((entry) => `/${family}/${entry.address}${rest}`)
}
