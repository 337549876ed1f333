import { encode } from '@ipld/dag-cbor'
import { IDENTITY, WEAK_POINTS } from './ed25519-points.ts'
import { BEGAN_AT, enveloped, eventOf, publicKey, signedBy } from './key-log-events.ts'
import type { Change } from './key-log-events.ts'
import { laterRefused } from './key-log-later-cases.ts'
import type { Refused } from './key-log-later-cases.ts'
import { validLogs } from './key-log-valid-cases.ts'
import { fromHex, hex, seedOf, sha256 } from './seeds.ts'
import { signature, withLargerS } from './signed-cases.ts'

const SEED = seedOf('key in force')
const KEY = await publicKey('key in force')
const OTHER_ID = `kith1${'a'.repeat(52)}`
const INCEPTION = {
  v: 1,
  t: 'icp',
  sn: 0,
  k: KEY,
  n: sha256(await publicKey('next key')),
  r: sha256(await publicKey('recovery key')),
  w: 72,
  at: BEGAN_AT,
  nonce: seedOf('nonce').subarray(0, 16),
}

/** Logs with what they say, and logs that must be refused, with the reason. */
export async function keyLogVectors(): Promise<unknown> {
  const refused = await Promise.all([
    ...shapes(),
    ...fields(),
    ...keys(),
    ...signatures(),
    ...sequences(),
  ])
  return {
    nonce: hex(INCEPTION.nonce),
    valid: await validLogs(),
    refused: [...refused, ...(await laterRefused())].map(([what, name, events, expectedId]) => ({
      what,
      name,
      events,
      expectedId,
    })),
  }
}

function shapes(): Promise<Refused>[] {
  const good = firstEvent({})
  const unsorted = fromHex(`a2${hex(encode('b'))}00${hex(encode('a'))}00`)
  const sixtyFour = new Uint8Array(64)
  const envelope = (name: string, value: unknown): Promise<Refused> =>
    Promise.resolve(['not a signed event', name, [hex(encode(value))]])
  return [
    Promise.resolve(['empty log', 'no event', []]),
    Promise.resolve(['too many events', '65 events', Array<string>(65).fill('a0')]),
    Promise.resolve(['event too large', '2,049 bytes', ['00'.repeat(2049)]]),
    Promise.resolve(['not canonical', 'no bytes', ['']]),
    Promise.resolve(['not canonical', 'keys out of order outside', [hex(unsorted)]]),
    refused('not canonical', 'keys out of order inside', unsorted),
    refused('not canonical', 'a byte after the event', Buffer.concat([good, Uint8Array.of(0)])),
    refused('not canonical', 'a float for a time', floatTime(good)),
    envelope('an array', [good, [sixtyFour]]),
    envelope('text', 'icp'),
    envelope('null', null),
    envelope('no signatures', { e: good }),
    envelope('no event', { s: [sixtyFour] }),
    envelope('another field', { e: good, s: [sixtyFour], x: 0 }),
    envelope('the event as a map', { e: INCEPTION, s: [sixtyFour] }),
    envelope('signatures not in a list', { e: good, s: sixtyFour }),
    envelope('a signature of 63 bytes', { e: good, s: [sixtyFour.subarray(1)] }),
    envelope('a signature as text', { e: good, s: ['x'.repeat(64)] }),
  ]
}

function fields(): Promise<Refused>[] {
  const wrong: [string, Change][] = [
    ['k of 31 bytes', { k: KEY.subarray(1) }],
    ['k of 33 bytes', { k: new Uint8Array(33) }],
    ['k as text', { k: hex(KEY) }],
    ['n of 33 bytes', { n: new Uint8Array(33) }],
    ['r null', { r: null }],
    ['w of 0', { w: 0 }],
    ['w of 721', { w: 721 }],
    ['w true', { w: true }],
    ['sn negative', { sn: -1 }],
    ['sn as text', { sn: '0' }],
    ['nonce of 15 bytes', { nonce: new Uint8Array(15) }],
    ['nonce of 17 bytes', { nonce: new Uint8Array(17) }],
  ]
  return [
    refused('unknown version', 'v of 2', firstEvent({ v: 2 })),
    refused('unknown version', 'v as text', firstEvent({ v: '1' })),
    refused('unknown version', 'no v', firstEvent({}, 'v')),
    refused('unknown version', 'no map', encode([1, 'icp'])),
    refused('unknown event type', 't unknown', firstEvent({ t: 'abc' })),
    refused('unknown event type', 't inherited', firstEvent({ t: 'constructor' })),
    refused('unknown event type', 't a number', firstEvent({ t: 0 })),
    refused('unknown event type', 'no t', firstEvent({}, 't')),
    ...['sn', 'k', 'n', 'r', 'w', 'at', 'nonce'].map((name) =>
      refused('missing field', `no ${name}`, firstEvent({}, name)),
    ),
    refused('unknown field', 'x', firstEvent({ x: 0 })),
    refused('unknown field', 'p, which only later events have', firstEvent({ p: new Uint8Array(32) })),
    ...wrong.map(([name, change]) => refused('wrong field', name, firstEvent(change))),
    refused('wrong time', 'at negative', firstEvent({ at: -1 })),
    refused('wrong time', 'at after the last time', firstEvent({ at: 8_640_000_000_000_001 })),
    refused('wrong time', 'at as text', firstEvent({ at: '2026-01-01T00:00:00Z' })),
    refused('wrong time', 'at null', firstEvent({ at: null })),
  ]
}

function keys(): Promise<Refused>[] {
  return [
    ...WEAK_POINTS.map(({ name, point }) =>
      refused('weak key', name, firstEvent({ k: fromHex(point) })),
    ),
    refused('keys not distinct', 'next key in force already', firstEvent({ n: sha256(KEY) })),
    refused('keys not distinct', 'recovery key in force', firstEvent({ r: sha256(KEY) })),
    refused('keys not distinct', 'next key to recover with', firstEvent({ n: INCEPTION.r })),
  ]
}

function signatures(): Promise<Refused>[] {
  const event = firstEvent({})
  const bad = async (name: string, ...made: Promise<string>[]): Promise<Refused> => {
    return ['bad signature', name, [enveloped(event, await Promise.all(made))]]
  }
  const good = signature('icp', hex(event), SEED)
  return [
    bad('none'),
    bad('two', good, good),
    bad('of another key', signature('icp', hex(event), seedOf('next key'))),
    bad('of another event', signature('icp', hex(firstEvent({ w: 71 })), SEED)),
    bad('of another kind', signature('rot', hex(event), SEED)),
    bad('with S + L', good.then(withLargerS)),
    bad('R the neutral element, S zero', Promise.resolve(IDENTITY + '00'.repeat(32))),
  ]
}

function sequences(): Promise<Refused>[] {
  const log = async (what: string, name: string, ...changes: Change[]): Promise<Refused> => {
    return [what, name, await Promise.all(changes.map((change) => signed(firstEvent(change))))]
  }
  return [
    log('wrong sequence number', 'first event with 1', { sn: 1 }),
    log('wrong sequence number', 'second event with 0', {}, {}),
    log('wrong sequence number', 'second event with 2', {}, { sn: 2 }),
    log('inception not first', 'second event an inception', {}, { sn: 1 }),
    signed(firstEvent({})).then((event) => ['wrong id', 'another node expected', [event], OTHER_ID]),
  ]
}

async function refused(what: string, name: string, event: Uint8Array): Promise<Refused> {
  return [what, name, [await signed(event)]]
}

function firstEvent(change: Change, without = ''): Uint8Array {
  return eventOf({ ...INCEPTION, ...change, ...(without === '' ? {} : { [without]: undefined }) })
}

/** The same event with its time as a double: `1b` and eight bytes become `fb` and eight bytes. */
function floatTime(event: Uint8Array): Uint8Array {
  const double = Buffer.alloc(9)
  double[0] = 0xfb
  double.writeDoubleBE(INCEPTION.at, 1)
  return fromHex(hex(event).replace(hex(encode(INCEPTION.at)), hex(double)))
}

function signed(event: Uint8Array): Promise<string> {
  return signedBy('icp', event, ['key in force'])
}
