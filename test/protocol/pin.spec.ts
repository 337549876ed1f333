import assert from 'node:assert/strict'
import { nodeIdOf } from '../../src/protocol/node-id.ts'
import { parsePublicKey, peerIdOf } from '../../src/protocol/peer-id.ts'
import { peersSchema, type Pin } from '../../src/protocol/pin.ts'

const id = nodeIdOf(Uint8Array.of(1))
const otherId = nodeIdOf(Uint8Array.of(2))
// RFC 8032 §7.1, test 1.
const hexKey = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'
const key = peerIdOf(parsePublicKey(hexKey))

function parse(...peers: unknown[]): Pin[] {
  return peersSchema.parse({ version: 1, peers })
}

function one(peer: object): Pin {
  const [pin] = parse({ name: 'nas', id, ...peer })
  assert.ok(pin)
  return pin
}

/** What is wrong, as `path: message`, in the order of the schema. */
function faults(value: unknown): string[] {
  const { error } = peersSchema.safeParse(value)
  return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []
}

function faultsOf(peer: object): string[] {
  return faults({ version: 1, peers: [{ name: 'nas', id, ...peer }] })
}

describe('pin', () => {
  it('has every default where the file says nothing', () => {
    assert.deepEqual(one({}), {
      name: 'nas',
      id,
      addresses: [],
      allow: [],
      callsPerMinute: 6_000,
      ask: {
        preset: 'none',
        perMinute: 30,
        parallel: 2,
        queue: 8,
        depth: 0,
        dailyBytes: 67_108_864,
        maxSeconds: 600,
        approve: [],
      },
    })
  })

  it('has every value that the file gives', () => {
    const peer = {
      name: 'nas',
      id,
      addresses: ['/dns4/nas.lan/tcp/7423', '/ip6/fd00::7/tcp/7423'],
      allow: ['ping', 'ask', 'status'],
      calls_per_minute: 100,
      confirmed: 'words',
      ask: {
        preset: 'read-only',
        per_minute: 3,
        parallel: 1,
        queue: 0,
        depth: 1,
        daily_usd: 1.5,
        daily_tokens: 200_000,
        daily_bytes: 1_000,
        max_seconds: 60,
        hours: '07-22 Europe/Madrid',
        approve: ['write', 'spend'],
        until: '2027-06-30',
      },
    }
    assert.deepEqual(parse(peer), [
      {
        name: 'nas',
        id,
        addresses: peer.addresses,
        allow: peer.allow,
        callsPerMinute: 100,
        confirmed: 'words',
        ask: {
          preset: 'read-only',
          perMinute: 3,
          parallel: 1,
          queue: 0,
          depth: 1,
          dailyUsd: 1.5,
          dailyTokens: 200_000,
          dailyBytes: 1_000,
          maxSeconds: 60,
          hours: { fromMinute: 420, toMinute: 1_320, zone: 'Europe/Madrid' },
          approve: ['write', 'spend'],
          untilAt: Date.UTC(2027, 6, 1),
        },
      },
    ])
  })

  it('spells a key as a peer id, however the file spells it', () => {
    const base64 = Buffer.from(hexKey, 'hex').toString('base64')
    for (const text of [hexKey, key, base64]) {
      assert.equal(parse({ name: 'phone', key: text })[0]?.key, key)
    }
  })

  const versions = [{}, { version: 2, peers: [] }, { version: 1 }, null, [], { peers: [] }]
  for (const file of versions) {
    it(`refuses a file of ${JSON.stringify(file)}`, () => {
      assert.notDeepEqual(faults(file), [])
    })
  }

  const good: { peer: object; what: string }[] = [
    { what: 'a name of one character', peer: { name: 'a' } },
    { what: 'a name of 64 characters', peer: { name: 'a'.repeat(64) } },
    { what: 'a unix address', peer: { addresses: ['/unix/%2Frun%2Fkith.sock'] } },
    { what: 'an address with a zone', peer: { addresses: ['/ip6zone/eth0/ip6/fe80::1/tcp/1'] } },
    { what: 'the least of everything', peer: { ask: { per_minute: 1, parallel: 1, queue: 0 } } },
    { what: 'the longest ask', peer: { ask: { max_seconds: 43_200 } } },
    { what: 'the deepest chain', peer: { ask: { depth: 7 } } },
    { what: 'a preset of its own', peer: { ask: { preset: 'garden-2' } } },
    { what: 'no money at all', peer: { ask: { daily_usd: 0, daily_tokens: 0 } } },
    { what: 'nothing stored', peer: { ask: { daily_bytes: 0 } } },
  ]
  for (const { peer, what } of good) {
    it(`takes ${what}`, () => {
      assert.deepEqual(faultsOf(peer), [])
    })
  }

  const bad: { peer: object; fault: RegExp }[] = [
    { peer: { name: '' }, fault: /^peers\.0\.name: / },
    { peer: { name: 'a'.repeat(65) }, fault: /^peers\.0\.name: / },
    { peer: { name: 'Nas' }, fault: /^peers\.0\.name: / },
    { peer: { name: 'n_s' }, fault: /^peers\.0\.name: / },
    { peer: { name: '-nas' }, fault: /begins with no -/ },
    { peer: { name: 'nas\n' }, fault: /^peers\.0\.name: / },
    { peer: { name: 'self' }, fault: /self is the name of this node/ },
    { peer: { name: 'kith1abc' }, fault: /how an id begins/ },
    { peer: { id: 'kith1abc' }, fault: /^peers\.0\.id: no node id/ },
    { peer: { id: id.toUpperCase() }, fault: /^peers\.0\.id: no node id/ },
    { peer: { key }, fault: /^peers\.0: needs either id or key$/ },
    { peer: { key: 'abc' }, fault: /^peers\.0\.key: not an Ed25519 public key/ },
    { peer: { key: '00'.repeat(32) }, fault: /^peers\.0\.key: / },
    { peer: { addresses: '/ip4/1.2.3.4/tcp/1' }, fault: /^peers\.0\.addresses: / },
    { peer: { addresses: ['nas.lan:7423'] }, fault: /^peers\.0\.addresses\.0: no multiaddr/ },
    { peer: { addresses: ['/ip4/1.2.3.4/tcp/99999'] }, fault: /no multiaddr/ },
    { peer: { addresses: [`/ip4/1.2.3.4/tcp/1/p2p/${key}`] }, fault: /leave \/p2p/ },
    { peer: { addresses: ['/ip4/1.2.3.4'] }, fault: /not dialled/ },
    { peer: { addresses: ['/tcp/1'] }, fault: /not dialled/ },
    { peer: { addresses: ['/ip4/1.2.3.4/udp/1/quic-v1'] }, fault: /not dialled/ },
    { peer: { addresses: ['/ip4/1.2.3.4/tcp/1/ws'] }, fault: /not dialled/ },
    { peer: { addresses: ['/dns4/a b/tcp/1'] }, fault: /no spaces/ },
    { peer: { addresses: ['/dns4/\u001b[2J/tcp/1'] }, fault: /only ASCII/ },
    { peer: { addresses: ['/dns4/\u202e/tcp/1'] }, fault: /only ASCII/ },
    { peer: { addresses: ['/unix/%1b%5d52;c;eA%07'] }, fault: /no path of a socket/ },
    { peer: { addresses: ['/ip6zone/%0a/ip6/fe80::1/tcp/1'] }, fault: /interface/ },
    { peer: { addresses: ['/tcp/1', '/tcp/1'] }, fault: /not dialled/ },
    { peer: { allow: ['ping', 'ping'] }, fault: /^peers\.0\.allow: something is there twice/ },
    { peer: { allow: ['pong'] }, fault: /^peers\.0\.allow\.0: / },
    { peer: { allow: 'ping' }, fault: /^peers\.0\.allow: / },
    { peer: { allow: null }, fault: /^peers\.0\.allow: / },
    { peer: { calls_per_minute: 0 }, fault: /^peers\.0\.calls_per_minute: / },
    { peer: { confirmed: 'yes' }, fault: /^peers\.0\.confirmed: / },
    { peer: { alow: [] }, fault: /^peers\.0: unknown key alow \(did you mean allow\?\)$/ },
    { peer: { ask: { 'per-minute': 1 } }, fault: /^peers\.0\.ask: .*did you mean per_minute/ },
    { peer: { ask: { preset: 'Read' } }, fault: /^peers\.0\.ask\.preset: / },
    { peer: { ask: { per_minute: 1.5 } }, fault: /^peers\.0\.ask\.per_minute: / },
    { peer: { ask: { per_minute: '30' } }, fault: /^peers\.0\.ask\.per_minute: / },
    { peer: { ask: { parallel: 0 } }, fault: /^peers\.0\.ask\.parallel: / },
    { peer: { ask: { queue: -1 } }, fault: /^peers\.0\.ask\.queue: / },
    { peer: { ask: { depth: 8 } }, fault: /^peers\.0\.ask\.depth: / },
    { peer: { ask: { daily_usd: -1 } }, fault: /^peers\.0\.ask\.daily_usd: / },
    { peer: { ask: { daily_usd: Infinity } }, fault: /^peers\.0\.ask\.daily_usd: / },
    { peer: { ask: { daily_tokens: 0.5 } }, fault: /^peers\.0\.ask\.daily_tokens: / },
    { peer: { ask: { daily_bytes: -1 } }, fault: /^peers\.0\.ask\.daily_bytes: / },
    { peer: { ask: { max_seconds: 43_201 } }, fault: /^peers\.0\.ask\.max_seconds: / },
    { peer: { ask: { approve: ['all'] } }, fault: /^peers\.0\.ask\.approve\.0: / },
  ]
  for (const { peer, fault } of bad) {
    it(`refuses ${JSON.stringify(peer)}`, () => {
      const found = faultsOf(peer)
      assert.match(found[0] ?? '', fault)
    })
  }

  it('refuses a peer without id and key', () => {
    const found = faults({ version: 1, peers: [{ name: 'nas' }] })
    assert.deepEqual(found, ['peers.0: needs either id or key'])
  })

  for (const field of ['name', 'id', 'key'] as const) {
    it(`refuses two peers of one ${field}`, () => {
      const first = field === 'key' ? { name: 'a', key } : { name: 'a', id }
      const second = { name: 'b', id: otherId }
      const twin =
        field === 'key' ? { name: 'b', key: hexKey } : { ...second, [field]: first[field] }
      assert.deepEqual(faults({ version: 1, peers: [first, second] }), [])
      assert.deepEqual(faults({ version: 1, peers: [first, twin] }), [
        `peers.1.${field}: taken: a has it`,
      ])
    })
  }

  const hours: [text: string, minutes: [number, number] | undefined][] = [
    ['07-22 Europe/Madrid', [420, 1_320]],
    ['22-06 UTC', [1_320, 360]],
    ['07:30-22:45 UTC', [450, 1_365]],
    ['00-24 UTC', [0, 1_440]],
    ['07-22', undefined],
    ['7-22 UTC', undefined],
    ['07-25 UTC', undefined],
    ['24-06 UTC', undefined],
    ['07-24:30 UTC', undefined],
    ['07:60-22 UTC', undefined],
    ['07-07 UTC', undefined],
    ['07-22 Europe/Atlantis', undefined],
    ['07-22  UTC', undefined],
  ]
  for (const [text, minutes] of hours) {
    it(`${minutes === undefined ? 'refuses' : 'takes'} the hours ${JSON.stringify(text)}`, () => {
      const found = minutes === undefined ? undefined : one({ ask: { hours: text } }).ask.hours
      assert.deepEqual(found && [found.fromMinute, found.toMinute], minutes)
      assert.equal(faultsOf({ ask: { hours: text } }).length, minutes === undefined ? 1 : 0)
    })
  }

  const untils: [text: string, at: number | undefined][] = [
    ['2027-06-30', Date.UTC(2027, 6, 1)],
    ['2028-02-29', Date.UTC(2028, 2, 1)],
    ['2027-06-30T18:00:00Z', Date.UTC(2027, 5, 30, 18)],
    ['2027-06-30T18:00:00+02:00', Date.UTC(2027, 5, 30, 16)],
    ['2027-02-29', undefined],
    ['2027-06-30T18:00:00', undefined],
    ['tomorrow', undefined],
    ['', undefined],
  ]
  for (const [text, at] of untils) {
    it(`${at === undefined ? 'refuses' : 'takes'} until ${JSON.stringify(text)}`, () => {
      if (at === undefined) assert.match(faultsOf({ ask: { until: text } })[0] ?? '', /no date/)
      else assert.equal(one({ ask: { until: text } }).ask.untilAt, at)
    })
  }
})
