import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  compactionDue,
  compactionOf,
  estimatedTokens,
  keptOf,
  transcriptOf,
} from '../../src/agent/compaction.ts'
import type { SessionHistory } from '../../src/agent/ports.ts'

const LIMITS = { maxMessages: 10, maxTokens: 100, summaryTokens: 8 }

function history(count: number, text = 'a b c'): SessionHistory {
  const messages = Array.from({ length: count }, (_, at) => ({ role: 'user' as const, text, at }))
  return { messages, from: 7 }
}

describe('compaction', () => {
  const cases = [
    { what: 'an empty session', given: history(0), due: undefined },
    { what: 'one at both limits', given: history(10, 'x'.repeat(40)), due: undefined },
    { what: 'one message too many', given: history(11), due: { trigger: 'messages', keep: 5 } },
    {
      what: 'one token too many',
      given: history(10, 'x'.repeat(41)),
      due: { trigger: 'tokens', keep: 4 },
    },
    {
      what: 'a summary that is too long with the rest',
      given: { ...history(2, 'x'.repeat(40)), summary: 'x'.repeat(400) },
      due: { trigger: 'tokens', keep: 2 },
    },
    {
      what: 'one message that fits nowhere',
      given: history(1, 'x'.repeat(4_000)),
      due: { trigger: 'tokens', keep: 0 },
    },
  ]
  for (const { due, given, what } of cases) {
    it(`is ${due === undefined ? 'not due' : `due, for ${due.trigger},`} for ${what}`, () => {
      assert.deepEqual(compactionDue(given, LIMITS), due)
    })
  }

  it('leaves nothing due behind it, whatever was said', () => {
    const text = fc.string({ maxLength: 300, unit: 'grapheme' })
    fc.assert(
      fc.property(
        fc.array(text, { maxLength: 30 }),
        fc.option(text, { nil: undefined }),
        (texts, summary) => {
          const messages = texts.map((said, at) => ({ role: 'user' as const, text: said, at }))
          const given = { messages, from: 0 }
          const due = compactionDue(given, LIMITS)
          if (due === undefined) return
          const compaction = compactionOf(given, due, summary, LIMITS)
          assert.ok(Buffer.byteLength(compaction.summary) <= LIMITS.summaryTokens * 4)
          const after = {
            summary: compaction.summary,
            messages: keptOf(given, due.keep),
            from: compaction.upTo,
          }
          assert.equal(compactionDue(after, LIMITS), undefined)
        },
      ),
    )
  })

  it('cuts a summary that is too long, and says so', () => {
    const due = { trigger: 'messages' as const, keep: 5 }
    const { summary, truncated, upTo } = compactionOf(history(11), due, 'é'.repeat(40), LIMITS)
    assert.equal(upTo, 7 + 6)
    assert.equal(summary, 'é'.repeat(16))
    assert.equal(truncated, true)
  })

  it('takes the end of what was said for a summary that could not be made', () => {
    const due = { trigger: 'messages' as const, keep: 1 }
    const given = history(3, 'é'.repeat(20))
    const { summary, truncated } = compactionOf(given, due, undefined, LIMITS)
    assert.equal(summary, 'é'.repeat(16))
    assert.equal(truncated, true)
  })

  it('is about the summary before, and all that is not kept', () => {
    const given = { ...history(3), summary: 'old' }
    assert.equal(transcriptOf(given, 1), 'before: old\n\nuser: a b c\n\nuser: a b c')
    assert.equal(keptOf(given, 1).length, 1)
    assert.equal(keptOf(given, 0).length, 0)
  })

  it('counts a token for four bytes, and one for less', () => {
    assert.deepEqual(['', 'a', 'abcd', 'abcde', 'éé'].map(estimatedTokens), [0, 1, 1, 2, 1])
  })
})
