import assert from 'node:assert/strict'
import type { AskReport } from '../../../src/node/control/api.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'
import { ask, ASK, done, failed, text } from '../reports.ts'

const ended: AskReport = {
  ...ask,
  state: 'failed',
  finalAt: ask.receivedAt + 1_500,
  final: { outcome: 'failed', code: 'denied', details: { rule: 'pre\u001B[2Jset' } },
}

describe('kith asks', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  describe('list', () => {
    const older: AskReport = {
      ...ended,
      ask: 'older',
      direction: 'in',
      receivedAt: ask.receivedAt - 1,
    }

    it('shows the newest first', async () => {
      cli.answers = { asks: () => [older, ask] }
      assert.equal(await cli.kith('asks', 'list'), 0)
      const [head, first, second] = cli.stdout.text.split('\n')
      assert.match(head ?? '', /^ASK +WHEN +WHO +STATE +TOOK$/)
      assert.match(first ?? '', new RegExp(`^${ASK.slice(-8)} .* to bob +running +-$`))
      assert.match(second ?? '', /^older .* from bob +failed \(denied\) +1.5 s$/)
    })

    for (const command of ['show', 'cancel']) {
      it(`${command} takes what stands in the table for the id`, async () => {
        cli.answers = { asks: () => [older, ask] }
        await cli.kith('asks', command, ASK.slice(-8))
        const route = command === 'show' ? 'showAsk' : 'cancelAsk'
        assert.deepEqual(cli.calls, [
          ['asks', { limit: 1_000 }],
          [route, { ask: ASK }],
        ])
      })
    }

    it('stops at the limit, and says what it leaves out', async () => {
      cli.answers = { asks: () => [older, ask] }
      await cli.kith('asks', 'list', '--limit', '1', '--json')
      assert.deepEqual(cli.stdout.json, [[ask]])
      await cli.kith('asks', 'list', '--limit', '1')
      assert.equal(cli.stderr.text, 'kith: 1 more: --limit 2\n')
    })

    it('says that there are none', async () => {
      cli.answers = { asks: () => [] }
      await cli.kith('asks', 'list')
      assert.equal(cli.stdout.text, 'no asks\n')
    })
  })

  describe('show', () => {
    const shown = {
      ...ended,
      text: 'what?\u001B[31m',
      chain: ['self'],
      answer: 'this\r\u001B]0;x\u0007',
    }

    it('shows text, answer and what became of it, safe for a terminal', async () => {
      cli.answers = { showAsk: () => shown }
      assert.equal(await cli.kith('asks', 'show', ASK), 0)
      assert.match(cli.stdout.text, /^state +failed \(denied\)$/m)
      assert.match(cli.stdout.text, /^rule +preset$/m)
      assert.match(cli.stdout.text, /\ntext:\nwhat\?\n\nanswer:\nthis\n$/)
      assert.ok(!cli.stdout.text.includes('\u001B'))
    })

    it('calls an answer without an end what it is', async () => {
      cli.answers = { showAsk: () => ({ ...ask, text: 'what?', chain: ['self'], answer: 'this' }) }
      await cli.kith('asks', 'show', ASK)
      assert.match(cli.stdout.text, /^deadline /m)
      assert.match(cli.stdout.text, /^answer so far:$/m)
    })

    it('shows through whom it came, if others were before', async () => {
      cli.answers = { showAsk: () => shown }
      await cli.kith('asks', 'show', ASK)
      assert.doesNotMatch(cli.stdout.text, /^through/m)
      cli.answers = { showAsk: () => ({ ...shown, chain: ['carol', 'bob'] }) }
      await cli.kith('asks', 'show', ASK)
      assert.match(cli.stdout.text, /^through +carol → bob$/m)
    })

    it('prints one object with --json', async () => {
      cli.answers = { showAsk: () => shown }
      await cli.kith('asks', 'show', ASK, '--json')
      assert.deepEqual(cli.stdout.json, [shown])
      assert.ok(!cli.stdout.text.includes('\u001B'))
    })

    it('knows no ask of another id', async () => {
      cli.answers = {
        showAsk: () => {
          throw new KithError('unknown-ask', 'no ask', { ask: 'x' }, { hint: 'kith asks list' })
        },
      }
      assert.equal(await cli.kith('asks', 'show', 'x'), 1)
      assert.equal(cli.stderr.text, 'kith: no ask\ntry: kith asks list\n')
    })
  })

  describe('attach', () => {
    beforeEach(() => {
      cli.answers = { showAsk: () => ({ ...ask, text: '', chain: ['self'], answer: '' }) }
    })

    it('prints the answer from a number on', async () => {
      cli.streams = [[text(3, 'c'), done]]
      assert.equal(await cli.kith('asks', 'attach', ASK, '--after', '2'), 0)
      assert.equal(cli.stdout.text, 'c\n')
      assert.deepEqual(cli.calls.at(-1), ['askEvents', { ask: ASK, after: 2 }])
    })

    it('fails as the ask has failed', async () => {
      cli.streams = [[failed('denied')]]
      assert.equal(await cli.kith('asks', 'attach', ASK), 4)
    })

    it("takes no peer for the one that refused, when it was the peer's ask", async () => {
      cli.answers = {
        showAsk: () => ({ ...ask, direction: 'in', text: '', chain: ['bob'], answer: '' }),
      }
      cli.streams = [[failed('denied')]]
      assert.equal(await cli.kith('asks', 'attach', ASK), 5)
      assert.match(cli.stderr.text, /^kith: this node refused/)
    })

    it('says at once that no node runs', async () => {
      cli.answers = {}
      assert.equal(await cli.kith('asks', 'attach', ASK), 6)
      assert.deepEqual(cli.slept, [])
    })

    it('leaves the ask alone at Ctrl-C', async () => {
      cli.client.askEvents = async function* (_input, signal) {
        yield text(1, 'a')
        cli.interrupt()
        signal?.throwIfAborted()
      }
      assert.equal(await cli.kith('asks', 'attach', ASK), 130)
      assert.match(cli.stderr.text, /^kith: the ask goes on: /)
      assert.ok(cli.calls.every(([route]) => route !== 'cancelAsk'))
    })
  })

  describe('cancel', () => {
    it('says how the ask stands then', async () => {
      cli.answers = { cancelAsk: () => ended }
      assert.equal(await cli.kith('asks', 'cancel', ASK), 0)
      assert.equal(cli.stdout.text, `${ASK} is failed (denied)\n`)
    })

    it('says when the end is still to come', async () => {
      cli.answers = { cancelAsk: () => ask }
      await cli.kith('asks', 'cancel', ASK)
      assert.equal(cli.stdout.text, `${ASK} ends as soon as bob hears of it\n`)
    })

    it('prints the ask with --json', async () => {
      cli.answers = { cancelAsk: () => ask }
      await cli.kith('asks', 'cancel', ASK, '--json')
      assert.deepEqual(cli.stdout.json, [ask])
    })
  })
})
