import {
  COMPROMISE,
  enveloped,
  follow,
  inception,
  recovered,
  retired,
  rotated,
  signedBy,
} from './key-log-events.ts'
import type { Branch, Change, Unusual } from './key-log-events.ts'
import { WEAK_POINTS } from './ed25519-points.ts'
import { fromHex, hex, seedOf, sha256 } from './seeds.ts'
import { signature } from './signed-cases.ts'

export type Refused = [what: string, name: string, events: string[], expectedId?: string]
type Extend = (before: Branch, unusual?: Unusual) => Promise<Branch>

const FIRST = await inception()
const SECOND = await rotated(FIRST)
/** The next one to the last that a time can be. */
const AFTER_LAST_TIME = 8_640_000_000_000_001
const WEAK = fromHex(WEAK_POINTS[0]?.point ?? '')

const KINDS: Record<string, Extend> = {
  rotation: rotated,
  recovery: recovered,
  end: (before, unusual) => retired(before, before.rotation, unusual),
}

/** Logs with events after the first, each for one reason to refuse it. */
export async function laterRefused(): Promise<Refused[]> {
  return [
    ...(await fields()),
    ...(await order()),
    ['too many events', 'a rotation in the last place but one', (await longRotation()).events],
    ...(await commitments()),
    ...(await distinct()),
    ...(await weakKeys()),
    ...(await signatures()),
  ]
}

async function fields(): Promise<Refused[]> {
  const common = ['sn', 'p', 'id', 'at']
  const missing: Record<string, string[]> = {
    rotation: [...common, 'N', 'k', 'n', 'why', 'grace'],
    recovery: [...common, 'R', 'k', 'n', 'r'],
    end: [...common, 'by'],
  }
  const compromise = (change: Change): Change => ({ ...COMPROMISE, ...change })
  const wrong: [what: string, kind: string, name: string, change: Change][] = [
    ...Object.keys(KINDS).flatMap((kind): [string, string, string, Change][] => [
      ['unknown version', kind, 'v of 2', { v: 2 }],
      ['unknown field', kind, 'nonce', { nonce: new Uint8Array(16) }],
      ['unknown field', kind, 'w', { w: 72 }],
      ['wrong field', kind, 'sn as text', { sn: '1' }],
      ['wrong field', kind, 'p of 31 bytes', { p: new Uint8Array(31) }],
      ['wrong field', kind, 'id of 56 characters', { id: FIRST.id.slice(0, -1) }],
      ['wrong field', kind, 'id in upper case', { id: FIRST.id.toUpperCase() }],
      ['wrong field', kind, 'id as bytes', { id: new Uint8Array(32) }],
      ['wrong time', kind, 'at negative', { at: -1 }],
      ['wrong time', kind, 'at after the last time', { at: AFTER_LAST_TIME }],
      ['wrong time', kind, 'at as text', { at: '2026' }],
    ]),
    ['wrong field', 'rotation', 'N of 33 bytes', { N: new Uint8Array(33) }],
    ['wrong field', 'rotation', 'k of 31 bytes', { k: new Uint8Array(31) }],
    ['wrong field', 'rotation', 'n as text', { n: hex(new Uint8Array(32)) }],
    ['wrong field', 'rotation', 'why unknown', { why: 'boredom' }],
    ['wrong field', 'rotation', 'why null', { why: null }],
    ['wrong field', 'rotation', 'grace negative', { grace: -1 }],
    ['wrong field', 'rotation', 'grace of 604,801 s', { grace: 604_801 }],
    ['wrong field', 'rotation', 'grace as text', { grace: '0' }],
    ['wrong field', 'rotation', 'grace after a compromise', compromise({ grace: 1 })],
    ['wrong field', 'rotation', 'lastGood in a routine one', { lastGood: 0 }],
    ['wrong time', 'rotation', 'lastGood negative', compromise({ lastGood: -1 })],
    ['wrong time', 'rotation', 'lastGood null', compromise({ lastGood: null })],
    [
      'wrong time',
      'rotation',
      'both after the last time',
      compromise({ at: AFTER_LAST_TIME, lastGood: AFTER_LAST_TIME }),
    ],
    ['wrong time', 'rotation', 'lastGood after at', compromise({ at: 5, lastGood: 6 })],
    ['wrong field', 'recovery', 'R of 31 bytes', { R: new Uint8Array(31) }],
    ['wrong field', 'recovery', 'k null', { k: null }],
    ['wrong field', 'recovery', 'n of 33 bytes', { n: new Uint8Array(33) }],
    ['wrong field', 'recovery', 'r of 0 bytes', { r: new Uint8Array() }],
    ['wrong field', 'end', 'by of 31 bytes', { by: new Uint8Array(31) }],
  ]
  for (const [kind, names] of Object.entries(missing)) {
    for (const name of names) {
      wrong.push(['missing field', kind, `no ${name}`, { [name]: undefined }])
    }
  }
  wrong.push(['unknown field', 'recovery', 'why', { why: 'routine' }])
  wrong.push(['unknown field', 'end', 'k', { k: new Uint8Array(32) }])
  return Promise.all(
    wrong.map(async ([what, kind, name, change]): Promise<Refused> => {
      const log = await KINDS[kind]?.(FIRST, { change })
      return [what, `${kind}: ${name}`, log?.events ?? []]
    }),
  )
}

async function order(): Promise<Refused[]> {
  const third = await rotated(SECOND)
  const other = await inception({ nonce: seedOf('another nonce').subarray(0, 16) })
  const otherSecond = await rotated(other)
  const branch = await rotated(FIRST, { key: 'other key 1', rotation: 'other rotation key 1' })
  const [first = '', second = '', last = ''] = third.events
  const ended = await retired(SECOND)
  const recoveredLog = await recovered(FIRST)
  const [, recovery = ''] = recoveredLog.events
  const zeros = new Uint8Array(32)
  return [
    ['wrong sequence number', 'the first event is missing', [second, last]],
    ['wrong sequence number', 'an event is missing', [first, last]],
    ['wrong sequence number', 'two events in the wrong order', [first, last, second]],
    ['wrong sequence number', 'an event twice', [first, second, second]],
    ['wrong sequence number', 'a rotation beside its recovery', [first, second, recovery]],
    ['wrong sequence number', 'sn skips one', await changed({ sn: 2 })],
    ['inception not first', 'it begins with a rotation', (await changed({ sn: 0 })).slice(1)],
    ['inception not first', 'an inception after a rotation', await secondInception()],
    ['wrong id', 'an event of another node', [first, otherSecond.events[1] ?? '']],
    ['wrong id', 'the id of another node', await changed({ id: other.id })],
    ['bad link', 'p of zeros', await changed({ p: zeros })],
    ['bad link', 'p is the hash of the signed event', await changed({ p: sha256(fromHex(first)) })],
    ['bad link', 'an event of another branch', [first, branch.events[1] ?? '', last]],
    ['bad link', 'p is the event before the one before', await linkedTo(FIRST.last)],
    ['retired', 'a rotation after the end', (await rotated(ended)).events],
    ['retired', 'a recovery after the end', (await recovered(ended)).events],
    ['retired', 'a second end', (await retired(ended)).events],
  ]
}

/** A log in whose last two places there is a rotation where only a recovery or an end may be. */
async function longRotation(): Promise<Branch> {
  let branch = FIRST
  while (branch.events.length < 63) branch = await rotated(branch, { change: COMPROMISE })
  return branch
}

async function commitments(): Promise<Refused[]> {
  const wrong = async (name: string, log: Promise<Branch>): Promise<Refused> => {
    return ['wrong commitment', name, (await log).events]
  }
  const by = (rotation: string): Branch => ({ ...FIRST, rotation })
  const from = (recovery: string): Branch => ({ ...FIRST, recovery })
  return Promise.all([
    wrong('rotation by a key that nobody committed to', rotated(by('thief'))),
    wrong('rotation by the key in force', rotated(by(FIRST.key))),
    wrong('rotation by the recovery key', rotated(by(FIRST.recovery))),
    wrong('rotation by the rotation key before', rotated({ ...SECOND, rotation: FIRST.rotation })),
    wrong('recovery by a key that nobody committed to', recovered(from('thief'))),
    wrong('recovery by the key in force', recovered(from(FIRST.key))),
    wrong('recovery by the rotation key', recovered(from(FIRST.rotation))),
    wrong(
      'recovery by the recovery key before',
      recovered(FIRST).then((log) => recovered({ ...log, recovery: FIRST.recovery })),
    ),
    wrong('end by a key that nobody committed to', retired(FIRST, 'thief')),
    wrong('end by the key in force', retired(FIRST, FIRST.key)),
    wrong('end by the rotation key before', retired(SECOND, FIRST.rotation)),
  ])
}

async function distinct(): Promise<Refused[]> {
  const { key, rotation, recovery } = FIRST
  const cases: [name: string, log: Promise<Branch>][] = [
    ['rotation: k is the key before', rotated(FIRST, { key })],
    ['rotation: k is the rotation key', rotated(FIRST, { key: rotation })],
    ['rotation: k is the recovery key', rotated(FIRST, { key: recovery })],
    ['rotation: n is that of the rotation key', rotated(FIRST, { rotation })],
    ['rotation: n is that of the recovery key', rotated(FIRST, { rotation: recovery })],
    ['rotation: n is that of the key before', rotated(FIRST, { rotation: key })],
    ['rotation: n is that of k', rotated(FIRST, { key: 'new', rotation: 'new' })],
    ['recovery: k is the key before', recovered(FIRST, { key })],
    ['recovery: k is the rotation key', recovered(FIRST, { key: rotation })],
    ['recovery: k is the recovery key', recovered(FIRST, { key: recovery })],
    ['recovery: n is as before', recovered(FIRST, { rotation })],
    ['recovery: n is that of the recovery key', recovered(FIRST, { rotation: recovery })],
    ['recovery: r is as before', recovered(FIRST, { recovery })],
    ['recovery: r is that of the rotation key', recovered(FIRST, { recovery: rotation })],
    ['recovery: r is that of the key before', recovered(FIRST, { recovery: key })],
    ['recovery: r is that of k', recovered(FIRST, { key: 'new', recovery: 'new' })],
    ['recovery: r is n', recovered(FIRST, { rotation: 'new', recovery: 'new' })],
  ]
  return Promise.all(
    cases.map(async ([name, log]): Promise<Refused> => {
      return ['keys not distinct', name, (await log).events]
    }),
  )
}

async function weakKeys(): Promise<Refused[]> {
  const committed = await inception({ n: sha256(WEAK) })
  const recoverable = await inception({ r: sha256(WEAK) })
  const cases: [name: string, log: Promise<Branch>][] = [
    ['rotation: k', rotated(FIRST, { change: { k: WEAK } })],
    ['rotation: N', rotated(committed, { change: { N: WEAK } })],
    ['recovery: k', recovered(FIRST, { change: { k: WEAK } })],
    ['recovery: R', recovered(recoverable, { change: { R: WEAK } })],
    ['end: by', retired(committed, committed.rotation, { change: { by: WEAK } })],
  ]
  return Promise.all(
    cases.map(async ([name, log]): Promise<Refused> => ['weak key', name, (await log).events]),
  )
}

async function signatures(): Promise<Refused[]> {
  const [N, R, k] = [FIRST.rotation, FIRST.recovery, FIRST.key]
  const [routine, stolen] = [SECOND.last, (await rotated(FIRST, { change: COMPROMISE })).last]
  const recovery = await recovered(FIRST)
  const end = await retired(FIRST)
  const cases: [name: string, kind: string, event: Uint8Array, signers: string[]][] = [
    ['rotation: none', 'rot', routine, []],
    ['rotation: the key before is missing', 'rot', routine, [N, 'key 1']],
    ['rotation: the new key is missing', 'rot', routine, [N, k]],
    ['rotation: the rotation key is missing', 'rot', routine, ['key 1', k]],
    ['rotation: in another order', 'rot', routine, ['key 1', N, k]],
    ['rotation: four', 'rot', routine, [N, 'key 1', k, k]],
    ['rotation: the rotation key three times', 'rot', routine, [N, N, N]],
    ['rotation: the key in force three times', 'rot', routine, [k, k, k]],
    ['rotation: of another kind', 'rec', routine, [N, 'key 1', k]],
    ['rotation after a compromise: the key before too', 'rot', stolen, [N, 'key 1', k]],
    ['rotation after a compromise: the key before for the new one', 'rot', stolen, [N, k]],
    ['rotation after a compromise: only the new key', 'rot', stolen, ['key 1']],
    ['recovery: none', 'rec', recovery.last, []],
    ['recovery: the new key is missing', 'rec', recovery.last, [R]],
    ['recovery: the recovery key is missing', 'rec', recovery.last, [recovery.key]],
    ['recovery: the rotation key for the recovery key', 'rec', recovery.last, [N, recovery.key]],
    ['recovery: of another kind', 'rot', recovery.last, [R, recovery.key]],
    ['end: none', 'end', end.last, []],
    ['end: the key in force', 'end', end.last, [k]],
    ['end: two', 'end', end.last, [N, N]],
    ['end: of another kind', 'rot', end.last, [N]],
  ]
  const made = cases.map(async ([name, kind, event, signers]): Promise<Refused> => {
    return ['bad signature', name, (await follow(FIRST, kind, event, signers)).events]
  })
  const [first = '', second = ''] = (await rotated(SECOND)).events
  const ofSecond = await signature('rot', hex(SECOND.last), seedOf(N))
  const replayed = enveloped((await rotated(SECOND)).last, [ofSecond, ofSecond, ofSecond])
  return [
    ...(await Promise.all(made)),
    ['bad signature', 'rotation: those of the rotation before', [first, second, replayed]],
    [
      'bad signature',
      'the first event is unsigned, the second is not',
      [await signedBy('icp', FIRST.last, ['thief']), second],
    ],
  ]
}

async function changed(change: Change): Promise<string[]> {
  return (await rotated(FIRST, { change })).events
}

async function linkedTo(event: Uint8Array): Promise<string[]> {
  return (await rotated(SECOND, { change: { p: sha256(event) } })).events
}

async function secondInception(): Promise<string[]> {
  const again = await inception({ sn: 2 })
  return [...SECOND.events, ...again.events]
}
