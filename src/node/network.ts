import type { Multiaddr } from '@multiformats/multiaddr'

/** What limits on strangers count by: an IPv4 address, or the /64 of an IPv6 one, of which a host has all. */
export function hostOf(address: Multiaddr): string {
  for (const { name, value = '' } of address.getComponents()) {
    if (name === 'ip4') return value
    if (name === 'ip6') return mappedIp4(value) ?? network64(value)
  }
  // Unix sockets have no address: what comes over them is of this machine.
  return 'local'
}

/** The host of an address, for people to read. */
export function addressOf(address: Multiaddr): string {
  const host = address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')
  return host?.value === undefined ? 'local' : (mappedIp4(host.value) ?? host.value)
}

/** A neighbourhood of hosts: the /24 of an IPv4 address, the /64 of an IPv6 one. */
export function networkOf(address: Multiaddr): string {
  const host = hostOf(address)
  return host.includes('.') ? host.slice(0, host.lastIndexOf('.')) : host
}

/** The IPv4 address in an IPv6 one of RFC 4291 §2.5.5.2, whose last two groups multiaddr writes in hexadecimal. */
function mappedIp4(address: string): string | undefined {
  const [, ...groups] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address) ?? []
  const bytes = groups
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 0xff])
  return bytes.length === 0 ? undefined : bytes.join('.')
}

function network64(address: string): string {
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after]
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
