import assert from 'node:assert/strict'
import type { Compaction, Message } from '../../../src/agent/ports.ts'
import { cleanSessions } from '../../../src/node/agent/clean-sessions.ts'
import { askOf } from '../../agent/asks.ts'

describe('sessions without secrets', () => {
  const stored: Message[] = []
  const compactions: Compaction[] = []
  const ask = askOf('hi', { session: 's' })
  const sessions = cleanSessions(
    {
      read: async () => ({ messages: stored, from: 0 }),
      append: async (_ask, messages) => {
        stored.push(...messages)
      },
      compact: async (_ask, compaction) => {
        compactions.push(compaction)
      },
    },
    (text) => text.replaceAll('geheim', '[redacted]'),
  )

  it('keep what an engine has said without them, and what its asker has said as it is', async () => {
    await sessions.append(ask, [
      { role: 'user', text: 'geheim?', at: 1 },
      { role: 'assistant', text: 'geheim.', at: 2 },
    ])
    assert.deepEqual(await sessions.read(ask), {
      messages: [
        { role: 'user', text: 'geheim?', at: 1 },
        { role: 'assistant', text: '[redacted].', at: 2 },
      ],
      from: 0,
    })
  })

  it('keep no summary with one', async () => {
    const compaction: Compaction = {
      ...{ summary: 'it was geheim', upTo: 2, trigger: 'tokens' },
      ...{ tokensBefore: 9, tokensAfter: 3, truncated: false },
    }
    await sessions.compact(ask, compaction)
    assert.deepEqual(compactions, [{ ...compaction, summary: 'it was [redacted]' }])
  })
})
