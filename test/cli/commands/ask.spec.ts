import assert from 'node:assert/strict'
import type { AskStreamItem } from '../../../src/node/control/api.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'
import { ask, ASK, done, failed, text } from '../reports.ts'

describe('kith ask', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers = { ask: ({ peer }) => ({ ...ask, peer }) }
  })

  it('prints the answer', async () => {
    cli.streams = [[text(1, 'to be'), text(2, '\nor not'), done]]
    assert.equal(await cli.kith('ask', 'bob', 'what?'), 0)
    assert.equal(cli.stdout.text, 'to be\nor not\n')
    assert.equal(cli.stderr.text, '')
    assert.deepEqual(cli.calls, [
      ['ask', { peer: 'bob', text: 'what?' }],
      ['askEvents', { ask: ASK, after: 0 }],
    ])
  })

  it('hands on all that was said', async () => {
    cli.streams = [[done]]
    const options = ['--session', 's', '--wait', '--timeout', '30', '--id', ASK, '--retry-of', ASK]
    await cli.kith('ask', 'bob', 'what?', ...options)
    assert.deepEqual(cli.calls[0], [
      'ask',
      {
        peer: 'bob',
        text: 'what?',
        session: 's',
        wait: true,
        timeoutMs: 30_000,
        ask: ASK,
        retryOf: ASK,
      },
    ])
  })

  const limits: [args: string[], sent: object][] = [
    [['--preset', 'read-only'], { preset: 'read-only' }],
    [['--max-usd', '0.25'], { budget: { microUsd: 250_000 } }],
    [['--max-usd', '0'], { budget: { microUsd: 0 } }],
    [
      ['--max-usd', '4.000001', '--max-tokens', '500'],
      { budget: { microUsd: 4_000_001, tokens: 500 } },
    ],
    [['--job', 'nightly'], { job: { name: 'nightly', cap: {} } }],
    [
      ['--job', 'nightly', '--job-usd', '0.5', '--job-tokens', '9'],
      { job: { name: 'nightly', cap: { microUsd: 500_000, tokens: 9 } } },
    ],
  ]
  for (const [args, sent] of limits) {
    it(`hands on ${args.join(' ')}`, async () => {
      cli.streams = [[done]]
      assert.equal(await cli.kith('ask', 'bob', 'what?', ...args), 0)
      assert.deepEqual(cli.calls[0], ['ask', { peer: 'bob', text: 'what?', ...sent }])
    })
  }

  for (const args of [
    ['--preset', 'all'],
    ['--max-usd', '0.0000001'],
    ['--max-usd', '1e3'],
    ['--max-usd', '-1'],
    ['--max-tokens', '0'],
    ['--job', 'nightly', '--job-usd', '1e3'],
    ['--job', 'nightly', '--job-tokens', '0'],
    ['--job-usd', '1'],
    ['--job-tokens', '1'],
  ]) {
    it(`refuses ${args.join(' ')}`, async () => {
      assert.equal(await cli.kith('ask', 'bob', 'what?', ...args), 2)
      assert.deepEqual(cli.calls, [])
    })
  }

  it('reads the text from the standard input when it is -', async () => {
    cli.streams = [[done]]
    cli.stdin.write('a long ')
    cli.stdin.end('text\n')
    assert.equal(await cli.kith('ask', 'bob', '-'), 0)
    assert.deepEqual(cli.calls[0], ['ask', { peer: 'bob', text: 'a long text\n' }])
  })

  it('refuses a text that no ask can hold before it is all read', async () => {
    cli.stdin.write('x'.repeat(262_145))
    assert.equal(await cli.kith('ask', 'bob', '-'), 5)
    assert.deepEqual(cli.calls, [])
  })

  it('takes the longest text that an ask can hold', async () => {
    cli.streams = [[done]]
    cli.stdin.end('x'.repeat(262_144))
    assert.equal(await cli.kith('ask', 'bob', '-'), 0)
  })

  const finals: [peer: string, code: string, exitCode: number][] = [
    ['bob', 'denied', 4],
    ['bob', 'busy', 75],
    ['bob', 'rate-limited', 75],
    ['bob', 'deadline', 3],
    ['bob', 'unreachable', 3],
    ['bob', 'not-pinned', 5],
    ['bob', 'approval-needed', 7],
    ['bob', 'interrupted', 1],
    ['self', 'denied', 5],
    ['self', 'bad-request', 1],
    ['self', 'deadline', 1],
  ]
  for (const [peer, code, exitCode] of finals) {
    it(`exits ${exitCode} when ${peer} ends with ${code}, and names the ask`, async () => {
      cli.streams = [[text(1, 'half'), failed(code)]]
      assert.equal(await cli.kith('ask', peer, 'what?'), exitCode)
      assert.equal(cli.stdout.text, 'half\n')
      assert.ok(cli.stderr.text.includes(`${code}, ask: ${ASK}`), cli.stderr.text)
    })
  }

  it('prints items and the failure as JSON with --json', async () => {
    const items: AskStreamItem[] = [text(1, 'half'), failed('denied', { rule: 'preset' })]
    cli.streams = [items]
    assert.equal(await cli.kith('ask', 'bob', 'what?', '--json'), 4)
    assert.deepEqual(cli.stdout.json, items)
    const [told] = cli.stderr.json as {
      error: { code: string; details: object; fromPeer: boolean }
    }[]
    assert.equal(told?.error.code, 'denied')
    assert.deepEqual(told.error.details, { rule: 'preset', ask: ASK })
    assert.equal(told.error.fromPeer, true)
  })

  it('goes on where it was when the node is restarted', async () => {
    cli.streams = [[text(1, 'a')], [text(2, 'b'), done]]
    assert.equal(await cli.kith('ask', 'bob', 'what?'), 0)
    assert.equal(cli.stdout.text, 'ab\n')
  })

  it('does not ask twice what a node refused', async () => {
    cli.answers = {
      ask: () => {
        throw new KithError('unknown-peer', 'no peer is named bob', { name: 'bob' })
      },
    }
    assert.equal(await cli.kith('ask', 'bob', 'what?'), 1)
    assert.equal(cli.calls.length, 1)
  })

  describe('at Ctrl-C', () => {
    it('cancels, prints what still comes, and exits 130', async () => {
      cli.answers.cancelAsk = () => ask
      cli.client.askEvents = async function* () {
        yield text(1, 'a')
        cli.interrupt()
        yield text(2, 'b')
        yield failed('cancelled')
      }
      assert.equal(await cli.kith('ask', 'bob', 'what?'), 130)
      assert.deepEqual(cli.calls.at(-1), ['cancelAsk', { ask: ASK }])
      assert.equal(cli.stdout.text, 'ab\n')
      assert.equal(cli.stderr.text, `kith: cancelling ${ASK}; Ctrl-C again leaves it\n`)
    })

    it('cancels an ask whose id comes only after it', async () => {
      cli.answers = {
        ask: () => {
          cli.interrupt()
          return ask
        },
        cancelAsk: () => ask,
      }
      cli.streams = [[failed('cancelled')]]
      assert.equal(await cli.kith('ask', 'bob', 'what?'), 130)
      assert.deepEqual(
        cli.calls.map(([route]) => route),
        ['ask', 'cancelAsk', 'askEvents'],
      )
    })

    it('leaves at the second one', async () => {
      cli.answers.cancelAsk = () => ask
      cli.client.askEvents = async function* (_input, signal) {
        yield text(1, 'a')
        cli.interrupt()
        cli.interrupt()
        signal?.throwIfAborted()
      }
      assert.equal(await cli.kith('ask', 'bob', 'what?'), 130)
      assert.equal(cli.stdout.text, 'a\n')
    })

    it('says when the cancel did not work', async () => {
      cli.answers.cancelAsk = () => {
        throw new KithError('unknown-ask', 'no such ask', { ask: ASK })
      }
      cli.client.askEvents = async function* () {
        cli.interrupt()
        await new Promise(setImmediate)
        yield done
      }
      assert.equal(await cli.kith('ask', 'bob', 'what?'), 130)
      assert.match(cli.stderr.text, /^kith: not cancelled: no such ask$/m)
    })
  })
})
