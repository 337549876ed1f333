import ipaddr from 'ipaddr.js'
import { KithError } from '../../protocol/errors.ts'

/** The ports of a page, unless the owner's list of hosts says another. */
const WEB_PORTS: ReadonlySet<string> = new Set(['80', '443'])

/** The part of IPv6 that is given to networks of the Internet (IANA, "IPv6 Global Unicast Address Assignments"). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/** Looks public, and is the metadata service of every machine at Azure (Microsoft, "What is IP address 168.63.129.16?"). */
const AZURE_METADATA = '168.63.129.16'

/** Metadata services within the ranges of private networks: of Alibaba Cloud, AWS (IMDS over IPv6) and Google Cloud. */
const PRIVATE_METADATA = ['100.100.100.200', 'fd00:ec2::254', 'fd20:ce::254']

/** The ranges, as ipaddr.js calls them, of this host and of networks that are somebody's own (RFC 6890, 6598, 4193). */
const OWN_RANGES = ['loopback', 'private', 'carrierGradeNat', 'uniqueLocal']

/** True for an address on the Internet: not of this host, a private network, a link, a tunnel or a test. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  // An IPv4 address that is written as IPv6 (RFC 4291 §2.5.5.2) is looked at as what it is.
  const parsed = ipaddr.process(address)
  if (parsed.range() !== 'unicast' || parsed.toString() === AZURE_METADATA) return false
  return parsed.kind() === 'ipv4' || parsed.match(GLOBAL_UNICAST)
}

/**
 * True for an address that the owner may have something at: on the Internet, of this host or of a private network,
 * but not a link's, at which clouds keep the credentials of their machines, nor another metadata service's.
 */
export function isReachableAddress(address: string): boolean {
  if (isPublicAddress(address)) return true
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  return OWN_RANGES.includes(parsed.range()) && !PRIVATE_METADATA.includes(parsed.toString())
}

/** Which addresses of pages may be fetched. */
export class AddressRules {
  readonly #allowHosts: ReadonlySet<string>

  /** `allowHosts` are names, or `name:port`, that may be fetched wherever they are: those of the owner's own network. */
  constructor(allowHosts: readonly string[]) {
    this.#allowHosts = new Set(allowHosts.map((host) => host.toLowerCase()))
  }

  /** True for a host on the owner's list. */
  listed(url: URL): boolean {
    return (
      this.#allowHosts.has(url.hostname) || this.#allowHosts.has(`${url.hostname}:${portOf(url)}`)
    )
  }

  /**
   * The URL in `text`.
   *
   * @throws {KithError} `bad-request` for what is none; `denied` with rule `fetch` for one that is not http or
   *   https, has a name and a password in it, or a port that is not open
   */
  urlOf(text: string, base?: URL): URL {
    const url = URL.parse(text, base)
    if (url === null) throw new KithError('bad-request', 'this is no URL', { what: 'URL' })
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw refused('only http and https are fetched')
    }
    if (url.username !== '' || url.password !== '') {
      throw refused('a URL with a name or a password in it is not fetched')
    }
    if (!WEB_PORTS.has(portOf(url)) && !this.#allowHosts.has(`${url.hostname}:${portOf(url)}`)) {
      throw refused(`port ${portOf(url)} is not fetched from`)
    }
    return url
  }

  /**
   * One of `addresses`, all of which were found for the host of `url`. One that is private is reason to refuse them
   * all: whoever mixes them in means us to take it.
   *
   * @throws {KithError} `denied` with rule `fetch`
   */
  pick(url: URL, addresses: readonly string[]): string {
    const [first] = addresses
    if (first === undefined) throw refused(`${url.hostname} has no address`)
    if (this.listed(url) || addresses.every(isPublicAddress)) return first
    throw refused(`${url.hostname} is not on the Internet`)
  }
}

function portOf({ port, protocol }: URL): string {
  if (port !== '') return port
  return protocol === 'https:' ? '443' : '80'
}

function refused(message: string): KithError<'denied'> {
  return new KithError('denied', message, { rule: 'fetch' })
}
