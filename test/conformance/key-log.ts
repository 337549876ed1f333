/* PROTOCOL.md §5: what a key log says. */
import { isSigned, isSound } from './ed25519.ts'
import { nodeId, sha256 } from './ids.ts'
import { Refused } from './refused.ts'
import { readStatement } from './statement.ts'
import type { Kind, Statement } from './statement.ts'

/** What a valid log says. Hashes and keys are in hex. */
export interface State {
  id: string
  sn: number
  head: string
  /** None after an end. */
  keyInForce?: string
  n: string
  r: string
  windowHours: number
}

/** An event, and what the log says after it. */
export interface Step {
  event: Statement
  after: State
}

const LATER = { id: 'node id', sn: 'integer', p: 32 } as const
const KINDS: Readonly<Record<string, Kind>> = {
  icp: { fields: { sn: 'integer', k: 32, n: 32, r: 32, w: [1, 720], nonce: 16 }, times: ['at'] },
  rot: {
    fields: { ...LATER, N: 32, k: 32, n: 32, why: 'text', grace: [0, 604_800] },
    times: ['lastGood', 'at'],
    optional: 'lastGood',
    fits: ({ has, integer, text }) =>
      text('why') === 'routine'
        ? !has('lastGood')
        : text('why') === 'compromise' && integer('grace') === 0,
  },
  rec: { fields: { ...LATER, R: 32, k: 32, n: 32, r: 32 }, times: ['at'] },
  end: { fields: { ...LATER, by: 32 }, times: ['at'] },
}

/** @throws {Refused} with the name of the first rule that refuses */
export function validate(log: readonly Uint8Array[], expectedId?: string): State {
  const last = trace(log, expectedId).at(-1)
  if (last === undefined) throw new Refused('empty log')
  return last.after
}

/** The events of a valid log, with what it says after each. @throws {Refused} as `validate` */
export function trace(log: readonly Uint8Array[], expectedId?: string): Step[] {
  if (log.length > 64) throw new Refused('too many events')
  if (log.length === 0) throw new Refused('empty log')
  const events = log.map(readEvent)
  const rotatesLate = events.some(({ kind }, place) => kind === 'rot' && place > 61)
  if (rotatesLate) throw new Refused('too many events')
  const steps: Step[] = []
  for (const event of events) {
    const before = steps.at(-1)?.after
    const after = before === undefined ? begin(event, expectedId) : follow(before, event)
    steps.push({ event, after })
  }
  for (const [place, { event }] of steps.entries()) {
    checkSignatures(event, steps[place - 1]?.after)
  }
  return steps
}

export function readEvent(bytes: Uint8Array): Statement {
  return readStatement(bytes, KINDS)
}

function begin(event: Statement, expectedId: string | undefined): State {
  const { content, hex, integer, kind } = event
  const id = nodeId(content)
  if (expectedId !== undefined && expectedId !== id) throw new Refused('wrong id')
  if (integer('sn') !== 0) throw new Refused('wrong sequence number')
  if (kind !== 'icp') throw new Refused('inception not first')
  const [k, n, r] = [hex('k'), hex('n'), hex('r')]
  checkDistinct(hash(k), n, r)
  return { id, sn: 0, head: headOf(event), keyInForce: k, n, r, windowHours: integer('w') }
}

function follow(before: State, event: Statement): State {
  const { hex, integer, kind, text } = event
  const { id, keyInForce, n, r, sn, windowHours } = before
  if (kind !== 'icp' && text('id') !== id) throw new Refused('wrong id')
  if (integer('sn') !== sn + 1) throw new Refused('wrong sequence number')
  if (kind === 'icp') throw new Refused('inception not first')
  if (keyInForce === undefined) throw new Refused('retired')
  if (hex('p') !== before.head) throw new Refused('bad link')
  const after = { id, sn: sn + 1, head: headOf(event), n, r, windowHours }
  if (kind === 'end') {
    if (![n, r].includes(hash(hex('by')))) throw new Refused('wrong commitment')
    return after
  }
  const [shown, committed] = kind === 'rot' ? [hex('N'), n] : [hex('R'), r]
  if (hash(shown) !== committed) throw new Refused('wrong commitment')
  const [k, nextN] = [hex('k'), hex('n')]
  const nextR = kind === 'rot' ? [] : [hex('r')]
  checkDistinct(hash(keyInForce), hash(k), n, r, nextN, ...nextR)
  return { ...after, keyInForce: k, n: nextN, r: nextR[0] ?? r }
}

/** The keys that sign an event, and the keys in it that are shown: the same, but for the key before. */
function checkSignatures(event: Statement, before: State | undefined): void {
  const { bytes, content, kind, signatures, text } = event
  const names: Record<string, string[]> = { icp: ['k'], rot: ['N', 'k'], rec: ['R', 'k'] }
  const keys = (names[kind] ?? ['by']).map((name) => bytes(name))
  if (!keys.every(isSound)) throw new Refused('weak key')
  if (kind === 'rot' && text('why') === 'routine') {
    keys.push(Buffer.from(before?.keyInForce ?? '', 'hex'))
  }
  const valid = keys.every((key, place) => {
    const signature = signatures[place]
    return signature !== undefined && isSigned(kind, content, signature, key)
  })
  if (!valid || signatures.length > keys.length) throw new Refused('bad signature')
}

function checkDistinct(...hashes: string[]): void {
  if (new Set(hashes).size < hashes.length) throw new Refused('keys not distinct')
}

function headOf({ content }: Statement): string {
  return Buffer.from(sha256(content)).toString('hex')
}

/** H of what is in hex, in hex. */
export function hash(hex: string): string {
  return Buffer.from(sha256(Buffer.from(hex, 'hex'))).toString('hex')
}
