import assert from 'node:assert/strict'
import { multiaddr } from '@multiformats/multiaddr'
import { addressOf, hostOf, networkOf } from '../../src/node/network.ts'

describe('network', () => {
  const table: [address: string, host: string, network: string][] = [
    ['/ip4/203.0.113.9/tcp/1', '203.0.113.9', '203.0.113'],
    ['/ip4/203.0.113.90/tcp/1', '203.0.113.90', '203.0.113'],
    ['/ip6/::ffff:203.0.113.9/tcp/1', '203.0.113.9', '203.0.113'],
    ['/ip6/::ffff:cb00:7109/tcp/1', '203.0.113.9', '203.0.113'],
    ['/ip6/0:0:0:0:0:ffff:1.2.0.0/tcp/1', '1.2.0.0', '1.2.0'],
    ['/ip6/2001:db8::1/tcp/1', '2001:db8:0:0', '2001:db8:0:0'],
    ['/ip6/2001:db8:0:1::1/tcp/1', '2001:db8:0:1', '2001:db8:0:1'],
    ['/ip6/2001:0DB8:0:0001:ffff::1/tcp/1', '2001:db8:0:1', '2001:db8:0:1'],
    ['/ip6/2001:db8:0:1:2:3:4:5/tcp/1', '2001:db8:0:1', '2001:db8:0:1'],
    ['/ip6/1::/tcp/1', '1:0:0:0', '1:0:0:0'],
    ['/ip6/::1/tcp/1', '0:0:0:0', '0:0:0:0'],
    ['/ip6/::8:1:2/tcp/1', '0:0:0:0', '0:0:0:0'],
    ['/ip6/64:ff9b::1.2.3.4/tcp/1', '64:ff9b:0:0', '64:ff9b:0:0'],
    ['/ip6zone/eth0/ip6/fe80::1/tcp/1', 'fe80:0:0:0', 'fe80:0:0:0'],
    ['/unix/%2Frun%2Fkith.sock', 'local', 'local'],
  ]
  for (const [address, host, network] of table) {
    it(`counts ${address} as host ${host} in network ${network}`, () => {
      assert.equal(hostOf(multiaddr(address)), host)
      assert.equal(networkOf(multiaddr(address)), network)
    })
  }

  const shown: [address: string, text: string][] = [
    ['/ip4/203.0.113.9/tcp/1', '203.0.113.9'],
    ['/ip6/::ffff:203.0.113.9/tcp/1', '203.0.113.9'],
    ['/ip6/2001:db8:0:1:2:3:4:5/tcp/1', '2001:db8:0:1:2:3:4:5'],
    ['/ip6zone/eth0/ip6/fe80::1/tcp/1', 'fe80::1'],
    ['/unix/%2Frun%2Fkith.sock', 'local'],
  ]
  for (const [address, text] of shown) {
    it(`shows ${address} as ${text}`, () => {
      assert.equal(addressOf(multiaddr(address)), text)
    })
  }
})
