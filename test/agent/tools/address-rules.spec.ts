import assert from 'node:assert/strict'
import { isPublicAddress, isReachableAddress } from '../../../src/agent/tools/address-rules.ts'

describe('address rules', () => {
  const cases: [address: string, open: boolean, reachable: boolean][] = [
    ['192.0.43.7', true, true],
    ['2606:4700::1111', true, true],
    ['127.0.0.1', false, true],
    ['::1', false, true],
    ['10.1.2.3', false, true],
    ['192.168.1.2', false, true],
    ['100.64.0.1', false, true],
    ['fd12::1', false, true],
    ['::ffff:10.1.2.3', false, true],
    ['169.254.169.254', false, false],
    ['::ffff:169.254.169.254', false, false],
    ['64:ff9b::a9fe:a9fe', false, false],
    ['fe80::1', false, false],
    ['168.63.129.16', false, false],
    ['100.100.100.200', false, false],
    ['::ffff:100.100.100.200', false, false],
    ['fd00:ec2::254', false, false],
    ['fd20:ce::254', false, false],
    ['0.0.0.0', false, false],
    ['224.0.0.1', false, false],
    ['255.255.255.255', false, false],
    ['2002:a9fe:a9fe::1', false, false],
    ['no address', false, false],
  ]
  for (const [address, open, reachable] of cases) {
    const of = open ? 'of the Internet' : reachable ? "of the owner's" : 'of nobody'
    it(`take ${address} for one ${of}`, () => {
      assert.equal(isPublicAddress(address), open)
      assert.equal(isReachableAddress(address), reachable)
    })
  }
})
