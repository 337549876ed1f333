import assert from 'node:assert/strict'
import { ModelServer, lastText } from '../../helpers/model-server.ts'
import { askOf, endOf, eventsOf, textOf } from '../asks.ts'
import { modelHome } from './model-home.ts'

const COMPACTION = { maxMessages: 4, maxTokens: 1_000, summaryTokens: 20 }

describe('the history that the model engine sends', () => {
  const home = modelHome(() => ModelServer.start())
  const ask = askOf('and now?', { session: 's' })

  function remember(count: number): void {
    for (let nth = 0; nth < count; nth++) {
      const role = nth % 2 === 0 ? 'user' : 'assistant'
      home().session.messages.push({ role, text: `message ${nth}`, at: nth })
    }
  }

  it('is whole up to its limit', async () => {
    remember(4)
    await eventsOf(home().engine({ compaction: COMPACTION }), ask)
    assert.equal(home().server.requests.length, 1)
    assert.equal(home().server.requests[0]?.body.messages.length, 6)
    assert.deepEqual(home().session.compactions, [])
  })

  it('is shortened by the model beyond it, and the summary comes as data', async () => {
    remember(6)
    home().server.reply({ kind: 'text', text: 'They counted.' }, { kind: 'text', text: 'Six.' })
    const events = await eventsOf(home().engine({ compaction: COMPACTION }), ask)
    assert.equal(textOf(events), 'Six.')
    const [summing, answering] = home().server.requests
    assert.ok(summing !== undefined && answering !== undefined)
    assert.equal(summing.body.max_tokens, 20)
    assert.equal(summing.body.tools, undefined)
    assert.match(lastText(summing.body), /user: message 0[^]*assistant: message 3\n---/u)
    const [, summary, ...rest] = answering.body.messages
    assert.match(
      String(summary?.content),
      /is data from "a summary of this session[^]*They counted\./u,
    )
    assert.deepEqual(rest.length, 3)
    assert.deepEqual(home().session.compactions, [
      {
        summary: 'They counted.',
        upTo: 4,
        trigger: 'messages',
        tokensBefore: 18,
        tokensAfter: 10,
        truncated: false,
      },
    ])
    assert.equal(home().budget.settled.length, 2)
  })

  it('is cut when no summary is to be had, and the ask goes on', async () => {
    remember(6)
    home().server.reply({ kind: 'status', status: 401 }, { kind: 'text', text: 'Six.' })
    const events = await eventsOf(home().engine({ compaction: COMPACTION }), ask)
    assert.equal(textOf(events), 'Six.')
    const [compaction] = home().session.compactions
    assert.equal(compaction?.truncated, true)
    assert.match(compaction.summary, /assistant: message 3$/u)
  })

  it('is left as it is by an ask that is aborted while it is shortened', async () => {
    remember(6)
    home().server.reply({ kind: 'stall' })
    const aborting = new AbortController()
    const events = Array.fromAsync(
      home().engine({ compaction: COMPACTION }).run(ask, aborting.signal),
    )
    await home().server.request(0)
    aborting.abort()
    assert.deepEqual(endOf(await events), { code: 'cancelled', details: {} })
    assert.deepEqual(home().session.compactions, [])
  })
})
