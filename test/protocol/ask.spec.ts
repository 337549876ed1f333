import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  EMPTY_ANSWER,
  afterCrash,
  answerExcess,
  finalState,
  grown,
  idProblem,
  isFinal,
  mayFollow,
} from '../../src/protocol/ask.ts'
import type { AnswerSize, AskState } from '../../src/protocol/ask.ts'
import { WIRE_CODES } from '../../src/protocol/errors.ts'
import {
  ASK_RETENTION_MS,
  MAX_ANSWER_BYTES,
  MAX_ANSWER_EVENTS,
  MAX_ASK_CLOCK_SKEW_MS,
} from '../../src/protocol/limits.ts'
import { uuidV7 } from '../../src/protocol/uuid.ts'
import { ASK_STATES } from '../../src/protocol/verbs.ts'
import type { AskEventBody } from '../../src/protocol/verbs.ts'

/** Each state and all that may follow it, by their first letters, in the order of `ASK_STATES`. */
const TABLE: Readonly<Record<AskState, string>> = {
  //                  rcvd queu clai runn wait done fail canc expi intr refu
  received: '          .    x    x    .    .    .    .    x    x    .    x',
  queued: '            .    .    x    .    .    .    .    x    x    .    x',
  claimed: '           .    .    .    x    .    x    x    x    x    x    .',
  running: '           .    .    .    .    x    x    x    x    x    x    .',
  'waiting-approval': '.    .    .    x    .    .    x    x    x    x    .',
  done: '              .    .    .    .    .    .    .    .    .    .    .',
  failed: '            .    .    .    .    .    .    .    .    .    .    .',
  cancelled: '         .    .    .    .    .    .    .    .    .    .    .',
  expired: '           .    .    .    .    .    .    .    .    .    .    .',
  interrupted: '       .    .    .    .    .    .    .    .    .    .    .',
  refused: '           .    .    .    .    .    .    .    .    .    .    .',
}

const FINALS = ['done', 'failed', 'cancelled', 'expired', 'interrupted', 'refused']

/** States in which an engine has not run yet. */
const UNCLAIMED = ['received', 'queued']

describe('the life of an ask', () => {
  for (const from of ASK_STATES) {
    it(`goes on from ${from} as the table says`, () => {
      const marks = TABLE[from].trim().split(/ +/)
      assert.equal(marks.length, ASK_STATES.length)
      const expected = ASK_STATES.filter((_, at) => marks[at] === 'x')
      assert.deepEqual(
        ASK_STATES.filter((to) => mayFollow(from, to)),
        expected,
      )
    })

    it(`${FINALS.includes(from) ? 'is over' : 'is not over'} when ${from}`, () => {
      assert.equal(isFinal(from), FINALS.includes(from))
    })
  }

  it('never leaves a final, and never waits again once it was claimed, whatever steps are tried', () => {
    const steps = fc.array(fc.constantFrom(...ASK_STATES), { maxLength: 60 })
    fc.assert(
      fc.property(steps, (tried) => {
        let state: AskState = 'received'
        let claimed = false
        let over = false
        for (const next of tried) {
          if (!mayFollow(state, next)) continue
          assert.equal(over, false, `${state} → ${next}`)
          assert.ok(!(claimed && UNCLAIMED.includes(next)), `${state} → ${next}`)
          assert.ok(claimed || next !== 'running', `${state} → ${next} without a claim`)
          state = next
          claimed ||= next === 'claimed'
          over = isFinal(next)
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it('can reach every state, and a final from each', () => {
    const reached = new Set<AskState>(['received'])
    for (const from of reached) {
      for (const to of ASK_STATES) if (mayFollow(from, to)) reached.add(to)
      assert.ok(isFinal(from) || ASK_STATES.some((to) => isFinal(to) && mayFollow(from, to)))
    }
    assert.equal(reached.size, ASK_STATES.length)
  })

  const named: Partial<Record<string, AskState>> = {
    cancelled: 'cancelled',
    deadline: 'expired',
    interrupted: 'interrupted',
  }
  for (const code of [...Object.keys(WIRE_CODES), 'unreachable']) {
    it(`ends ${named[code] ?? 'failed'} by ${code}`, () => {
      const state = finalState({ outcome: 'failed', code, details: {} }, 'running')
      assert.equal(state, named[code] ?? 'failed')
      assert.ok(isFinal(state))
    })
  }

  it('ends done by an answer', () => {
    const end = { ask: uuidV7(0, new Uint8Array(10)), engine: 'builtin', lastSeq: 3 }
    assert.equal(finalState({ outcome: 'done', end }, 'running'), 'done')
  })

  it('ends refused when it is denied while it waits, and only then', () => {
    const denied = { outcome: 'failed', code: 'denied', details: { rule: 'until' } } as const
    const states = ASK_STATES.filter((from) => finalState(denied, from) === 'refused')
    assert.deepEqual(states, ['queued'])
    assert.equal(finalState({ ...denied, code: 'cancelled' }, 'queued'), 'cancelled')
  })

  for (const state of ASK_STATES) {
    if (isFinal(state)) continue
    for (const parked of [false, true]) {
      const on = UNCLAIMED.includes(state)
        ? ['queue', 'expire']
        : parked && state === 'waiting-approval'
          ? ['resume', 'expire']
          : ['interrupt', 'interrupt']
      const what = `${state}${parked ? ', with all that it needs,' : ''}`
      it(`after a crash while ${what} is: ${on.join(', or when its time is over: ')}`, () => {
        const after = [false, true].map((expired) => afterCrash(state, { expired, parked }))
        assert.deepEqual(after, on)
      })
    }
  }
})

describe('the id of an ask', () => {
  const now = Date.UTC(2026, 10, 21, 9)
  const oldest = now - ASK_RETENTION_MS + MAX_ASK_CLOCK_SKEW_MS
  const newest = now + MAX_ASK_CLOCK_SKEW_MS
  const ages: [name: string, madeAt: number, problem: RegExp | undefined][] = [
    ['now', now, undefined],
    ['as late as a clock may be ahead', newest, undefined],
    ['a millisecond later', newest + 1, /future/],
    ['at the end of time', 2 ** 48 - 1, /future/],
    ['as long ago as ids are surely remembered', oldest, undefined],
    ['a millisecond earlier', oldest - 1, /too old/],
    ['at the epoch', 0, /too old/],
  ]
  for (const [name, madeAt, problem] of ages) {
    it(`is ${problem === undefined ? 'taken' : 'refused'} when made ${name}`, () => {
      const found = idProblem(uuidV7(madeAt, new Uint8Array(10)), now)
      if (problem === undefined) assert.equal(found, undefined)
      else assert.match(found ?? '', problem)
    })
  }

  it('is refused up to the newest one that was forgotten, however new it looks', () => {
    for (const [madeAt, taken] of [
      [now - 1, false],
      [now, false],
      [now + 1, true],
    ] as const) {
      const found = idProblem(uuidV7(madeAt, new Uint8Array(10)), now, now)
      assert.equal(found, taken ? undefined : 'ask: the id is too old')
    }
  })

  it('is refused no more often by what was forgotten while the clock goes steadily', () => {
    const skew = fc.integer({ min: -ASK_RETENTION_MS, max: MAX_ASK_CLOCK_SKEW_MS })
    const later = fc.nat({ max: 2 * ASK_RETENTION_MS })
    fc.assert(
      fc.property(skew, skew, later, later, (madeBefore, otherBefore, tookMs, laterMs) => {
        const forgotten = now + madeBefore
        if (idProblem(uuidV7(forgotten, new Uint8Array(10)), now) !== undefined) return
        // The earliest that an ask which took so long is forgotten, and some time after it.
        const then = now + tookMs + ASK_RETENTION_MS + 1 + laterMs
        const other = uuidV7(then + otherBefore, new Uint8Array(10))
        assert.equal(idProblem(other, then, forgotten), idProblem(other, then))
      }),
    )
    // The closest that the two come: an id as far ahead as may be, of an ask that ended at once.
    const then = now + ASK_RETENTION_MS + 1
    const oldestThen = uuidV7(then - ASK_RETENTION_MS + MAX_ASK_CLOCK_SKEW_MS, new Uint8Array(10))
    assert.equal(idProblem(oldestThen, then, newest), undefined)
  })

  it('is never taken again after its ask may have been forgotten', () => {
    const skew = fc.integer({ min: -ASK_RETENTION_MS, max: MAX_ASK_CLOCK_SKEW_MS })
    fc.assert(
      fc.property(skew, fc.nat({ max: ASK_RETENTION_MS }), (madeBefore, laterMs) => {
        const id = uuidV7(now + madeBefore, new Uint8Array(10))
        if (idProblem(id, now) !== undefined) return
        // It ended at once, and what ended before then − retention is forgotten then.
        const then = now + ASK_RETENTION_MS + 1 + laterMs
        assert.notEqual(idProblem(id, then), undefined)
      }),
    )
  })
})

describe('the size of an answer', () => {
  const text = (content: string): AskEventBody => ({ kind: 'text', text: content })
  const sizes: [name: string, size: AnswerSize, excess: [number, number] | undefined][] = [
    ['nothing', EMPTY_ANSWER, undefined],
    ['as much as may be', { bytes: MAX_ANSWER_BYTES, events: MAX_ANSWER_EVENTS }, undefined],
    [
      'a byte more',
      { bytes: MAX_ANSWER_BYTES + 1, events: 1 },
      [MAX_ANSWER_BYTES + 1, MAX_ANSWER_BYTES],
    ],
    [
      'an event more',
      { bytes: 0, events: MAX_ANSWER_EVENTS + 1 },
      [MAX_ANSWER_EVENTS * 64 + 64, MAX_ANSWER_EVENTS * 64],
    ],
  ]
  for (const [name, size, excess] of sizes) {
    it(`is ${excess === undefined ? 'no excess' : 'too large'}: ${name}`, () => {
      const [bytes = 0, limitBytes = 0] = excess ?? []
      assert.deepEqual(answerExcess(size), excess === undefined ? undefined : { bytes, limitBytes })
    })
  }

  it('grows by an event and by its text or note in UTF-8', () => {
    const events: AskEventBody[] = [text('né'), { kind: 'progress', note: '…' }, text('')]
    assert.deepEqual(events.reduce(grown, EMPTY_ANSWER), { bytes: 6, events: 3 })
  })
})
