import assert from 'node:assert/strict'
import { WireFailure } from '../../../src/node/answer.ts'
import { verdictOf } from '../../../src/node/asks/verdict.ts'
import type { AskStanding } from '../../../src/node/asks/verdict.ts'
import { KithError, WIRE_CODES } from '../../../src/protocol/errors.ts'
import type { WireCode } from '../../../src/protocol/errors.ts'

const FIRST: AskStanding = { wait: false, sent: false, tries: 0, cancelled: false }
const SENT: AskStanding = { ...FIRST, sent: true, tries: 1 }
const AGAIN: AskStanding = { ...SENT, tries: 2 }

const LOST = new KithError('connection-lost', 'lost', { peer: 'kith1bert' })
const LATE = new KithError('deadline', 'late', {})
const ABSENT = new KithError('unreachable', 'nobody', { peer: 'bert', reason: 'nobody' })
const OPEN = new KithError('breaker-open', 'it fails', { nextProbeAt: 9 })
const UNFIT = new KithError('bad-request', 'the end does not fit', { what: 'lastSeq' })

describe('a failed try of an ask', () => {
  const table: [name: string, err: Error, standing: AskStanding, code: string | undefined][] = [
    ['nobody there, before it was sent', ABSENT, FIRST, 'unreachable'],
    ['nobody there, and it waits', ABSENT, { ...FIRST, wait: true }, undefined],
    ['nobody there, after it was sent', ABSENT, SENT, undefined],
    ['left alone by us, before it was sent', OPEN, FIRST, 'breaker-open'],
    ['left alone by us, and it waits', OPEN, { ...FIRST, wait: true }, undefined],
    ['left alone by us, after it was sent', OPEN, SENT, undefined],
    ['the link lost', LOST, SENT, undefined],
    ['no answer in time', LATE, SENT, undefined],
    ['an answer that does not fit', UNFIT, SENT, 'bad-request'],
    ['busy', new WireFailure('busy', { position: 2 }), SENT, 'busy'],
    ['busy, and it waits', new WireFailure('busy', {}), { ...SENT, wait: true }, undefined],
    ['busy at one more try', new WireFailure('busy', {}), AGAIN, undefined],
    ['called with a key that has changed', refusal('rotated'), SENT, undefined],
    ['too many', new WireFailure('rate-limited', { retryAfterMs: 9 }), SENT, 'rate-limited'],
    ['too many at one more try', new WireFailure('rate-limited', {}), AGAIN, undefined],
    [
      'unknown there, and cancelled',
      refusal('bad-request'),
      { ...AGAIN, cancelled: true },
      'cancelled',
    ],
    ['unknown there, and wanted', refusal('bad-request'), AGAIN, 'bad-request'],
    ['denied, though cancelled', refusal('denied'), { ...AGAIN, cancelled: true }, 'denied'],
  ]
  for (const [name, err, standing, code] of table) {
    it(`${code === undefined ? 'is worth another' : `ends it as ${code}`}: ${name}`, () => {
      const final = verdictOf(err, standing)
      assert.equal(final?.outcome === 'failed' ? final.code : undefined, code)
    })
  }

  const codes = Object.keys(WIRE_CODES) as WireCode[]
  for (const code of codes.filter((other) => other !== 'rotated')) {
    it(`ends it when the peer says ${code} to the first`, () => {
      const final = verdictOf(refusal(code), SENT)
      assert.deepEqual(final, { outcome: 'failed', code, details: { why: 'so' } })
    })
  }

  it('tells a breaker of ours from one of the peer', () => {
    assert.deepEqual(verdictOf(OPEN, FIRST), {
      outcome: 'failed',
      code: 'breaker-open',
      details: { nextProbeAt: 9, by: 'here' },
    })
    const theirs = new WireFailure('breaker-open', { nextProbeAt: 9, by: 'here' })
    assert.deepEqual(verdictOf(theirs, FIRST), {
      outcome: 'failed',
      code: 'breaker-open',
      details: { nextProbeAt: 9 },
    })
  })

  it('keeps of the details what is text or a number', () => {
    const details = { a: 'text', b: 2, c: null, d: [1], e: { f: 1 }, g: Uint8Array.of(1), h: true }
    const final = verdictOf(new WireFailure('denied', details), SENT)
    assert.deepEqual(final, { outcome: 'failed', code: 'denied', details: { a: 'text', b: 2 } })
  })

  it('keeps of many and long details a few that are short', () => {
    const few = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i}`, i]))
    assert.deepEqual(detailsKept({ ...few, more: 16 }), few)
    assert.deepEqual(detailsKept(few), few)
    const most = { ['k'.repeat(64)]: 'v'.repeat(256) }
    assert.deepEqual(detailsKept(most), most)
    const more = { ['k'.repeat(65)]: 'v'.repeat(257) }
    assert.deepEqual(detailsKept(more), { [`${'k'.repeat(63)}…`]: `${'v'.repeat(255)}…` })
  })

  it('keeps of the details nothing that a terminal would obey', () => {
    assert.deepEqual(detailsKept({ 'a\u001b[31m': 'b\u202e\nc' }), { a: 'b c' })
  })

  it('is no verdict when the fault is ours', () => {
    const slip = new TypeError('a slip')
    assert.throws(() => verdictOf(slip, SENT), slip)
    const closed = new KithError('stopping', 'closed', {})
    assert.throws(() => verdictOf(closed, SENT), closed)
  })
})

function detailsKept(details: Record<string, string | number>): unknown {
  const final = verdictOf(new WireFailure('denied', details), SENT)
  return final?.outcome === 'failed' ? final.details : undefined
}

function refusal(code: WireCode): WireFailure {
  return new WireFailure(code, { why: 'so' })
}
