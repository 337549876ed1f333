import { lookup } from 'node:dns/promises'
import type { AddressInfo } from 'node:net'
import ipaddr from 'ipaddr.js'
import { KithError } from '../../protocol/errors.ts'

/** Where to listen, as it is written. */
export interface ListenAddress {
  host: string
  port: number
}

/** `HOST:PORT` or `[IPV6]:PORT` taken apart; undefined for anything else, an empty host among it. */
export function parseListen(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  return host === undefined || port > 65_535 ? undefined : { host, port }
}

/**
 * The one IP address that the system makes of `host`, which is the one to listen on: a name may stand for several, and
 * for others a moment later. `0177.1`, `0x7f000001` and `2130706433` are addresses too, as inet_aton(3) reads them.
 *
 * @throws {KithError} `cannot-listen` for a name that stands for nothing
 */
export async function resolveHost(host: string): Promise<string> {
  try {
    return (await lookup(host)).address
  } catch (cause) {
    const message = `http.listen: ${host} stands for no address`
    throw new KithError('cannot-listen', message, { addresses: host }, { cause })
  }
}

/** True for an address of 127.0.0.0/8, for ::1, and for one of the former inside IPv6: nobody else reaches those. */
export function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
}

/** What must be there before others can reach the listener. */
export interface Exposure {
  /** `http.allow_non_loopback`. */
  allowed: boolean
  /** Tokens that are in force. */
  tokens: number
}

/**
 * Refuses an address beyond loopback, unless the owner allows it and a token keeps others out.
 *
 * @throws {KithError} `unsafe-bind`
 */
export function assertSafeBind(address: string, { allowed, tokens }: Exposure): void {
  if (isLoopback(address)) return
  if (!allowed) throw unsafe(address, 'set http.allow_non_loopback, or listen on 127.0.0.1')
  if (tokens === 0) throw unsafe(address, 'kith token create NAME --scope read')
}

function unsafe(address: string, fix: string): KithError<'unsafe-bind'> {
  const message = `others could reach ${address}, which is not served so`
  return new KithError('unsafe-bind', message, { address, fix }, { hint: fix })
}

/** `127.0.0.1:7424`, `[::1]:7424`. */
export function hostText({ address, port }: Pick<AddressInfo, 'address' | 'port'>): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
