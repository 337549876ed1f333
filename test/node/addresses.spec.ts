import assert from 'node:assert/strict'
import { isIPv4, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { announced, reachable } from '../../src/node/addresses.ts'

/** Addresses of this machine, as they may be told to others. */
function own(family: 'IPv4' | 'IPv6'): string[] {
  const all = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter((entry) => entry.family === family && !entry.address.startsWith('fe80'))
  const outside = all.filter(({ internal }) => !internal)
  return (outside.length > 0 ? outside : all).map(({ address }) => address)
}

describe('announced addresses', () => {
  it('are what the owner says, and nothing else', () => {
    const config = { announce: ['/dns4/nas.lan/tcp/1'], listen: ['/ip4/0.0.0.0/tcp/1'] }
    assert.deepEqual(announced(config), config.announce)
  })

  it('are else those that are listened on, each once', () => {
    const listen = ['/ip4/192.0.2.1/tcp/1', '/unix/%2Ftmp%2Fa', '/ip4/192.0.2.1/tcp/1']
    assert.deepEqual(announced({ announce: [], listen }), listen.slice(0, 2))
  })

  it('have this machine for a wildcard, with all that follows it', () => {
    const found = announced({ announce: [], listen: ['/ip4/0.0.0.0/tcp/7423'] })
    assert.deepEqual(
      found,
      own('IPv4').map((address) => `/ip4/${address}/tcp/7423`),
    )
    assert.ok(found.every((address) => isIPv4(address.split('/')[2] ?? '')))
  })

  it('have no link-local address, which means nothing elsewhere', () => {
    const found = announced({ announce: [], listen: ['/ip6/::/tcp/7423'] })
    assert.deepEqual(
      found,
      own('IPv6').map((address) => `/ip6/${address}/tcp/7423`),
    )
    assert.ok(found.every((address) => isIPv6(address.split('/')[2] ?? '')))
    assert.ok(!found.some((address) => address.startsWith('/ip6/fe80')))
  })
})

describe('addresses where a running node is reached', () => {
  const inside = ['/ip4/127.0.0.1/tcp/1', '/ip6/::1/tcp/1']
  const outside = ['/ip4/192.0.2.1/tcp/1', '/ip6/2001:db8::1/tcp/1']

  it('are what the owner says, and nothing else', () => {
    const announce = ['/dns4/nas.lan/tcp/1']
    assert.deepEqual(reachable({ announce }, outside), announce)
  })

  it('are else those outside of this machine, and no link-local ones', () => {
    const all = [...inside, '/ip6/fe80::1/tcp/1', ...outside]
    assert.deepEqual(reachable({ announce: [] }, all), outside)
  })

  it('are those of this machine where there is nothing else', () => {
    assert.deepEqual(reachable({ announce: [] }, inside), inside)
  })
})
