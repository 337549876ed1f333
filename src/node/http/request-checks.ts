import ipaddr from 'ipaddr.js'
import { KithError } from '../../protocol/errors.ts'
import { isLoopback } from './bind.ts'

/** What a browser, or whoever else, says of where a request goes to and comes from. */
export interface RequestHeaders {
  host: string | undefined
  origin: string | undefined
  /** `Sec-Fetch-Site`: a browser says so itself, and no page can change it. */
  fetchSite: string | undefined
  /** A person goes to our page, from wherever: it holds nothing, and acts on nothing but its own link. */
  opensPage: boolean
}

/** Where the request came in. */
export interface Door {
  /** The address of our end of its socket. */
  address: string
  port: number
  /** `http.allowed_hosts`. */
  allowedHosts: readonly string[]
}

/**
 * Lets through what is meant for this node and does not come from somebody else's page. A page of another site can
 * make a browser call us, and can make its own name stand for our address (DNS rebinding): then `Host` has that name.
 *
 * @throws {KithError} `foreign-request`
 */
export function checkRequest(
  { fetchSite, host, opensPage, origin }: RequestHeaders,
  door: Door,
): void {
  if (host === undefined || !isOurs(host, door)) {
    const hint = 'add the name to http.allowed_hosts, if it is ours'
    throw foreign('Host', 'this node is not called so', hint)
  }
  if (origin !== undefined && !isSameOrigin(origin, host)) {
    throw foreign('Origin', 'no page but our own may call this node')
  }
  if (opensPage || fetchSite === undefined) return
  if (fetchSite !== 'same-origin' && fetchSite !== 'none') {
    throw foreign('Sec-Fetch-Site', 'no page but our own may call this node')
  }
}

/** A loopback address, `localhost`, the address of the socket itself, or a name that the owner allows. */
function isOurs(host: string, { address, allowedHosts, port }: Door): boolean {
  const [, literal, name, portText] =
    /^(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::(\d+))?$/i.exec(host) ?? []
  const called = (literal ?? name ?? '').toLowerCase()
  // Behind a proxy of the owner's it may be any port.
  if (allowedHosts.some((allowed) => allowed.toLowerCase() === called)) return true
  if (Number(portText ?? 80) !== port) return false
  if (called === 'localhost') return true
  if (!ipaddr.isValid(called)) return false
  return isLoopback(called) || sameAddress(called, address)
}

function isSameOrigin(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`
}

function sameAddress(a: string, b: string): boolean {
  return ipaddr.process(a).toString() === ipaddr.process(b).toString()
}

function foreign(header: string, why: string, hint?: string): KithError<'foreign-request'> {
  const options = hint === undefined ? {} : { hint }
  return new KithError('foreign-request', `${header}: ${why}`, { header }, options)
}
