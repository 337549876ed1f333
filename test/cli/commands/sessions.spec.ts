import assert from 'node:assert/strict'
import type { SessionReport } from '../../../src/node/control/api.ts'
import { timeText } from '../../../src/cli/time-text.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'

const AT = 1_790_000_000_000

const report: SessionReport = {
  asker: 'bob',
  session: 'work',
  startedAt: AT,
  lastAt: AT + 60_000,
  messages: 2,
  bytes: 17,
  compactions: 1,
}

describe('kith sessions', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers = {
      sessions: () => [report],
      showSession: () => ({
        report,
        summary: 'they spoke of trees',
        messages: [
          { role: 'user', text: 'and\nthen?', at: AT },
          { role: 'assistant', text: 'a \u001B[2Jfish', at: AT + 1_000 },
        ],
      }),
      removeSession: () => report,
    }
  })

  it('lists whose they are, how long, and when they were used last', async () => {
    assert.equal(await cli.kith('sessions', 'list'), 0)
    const last = timeText(AT + 60_000)
    assert.match(cli.stdout.text, new RegExp(`^bob +work +2 +17 +${last}$`, 'm'))
    await cli.kith('sessions', 'list', '--json')
    assert.deepEqual(JSON.parse(cli.stdout.text.trim().split('\n').at(-1) ?? ''), [report])
  })

  it('says when there is none', async () => {
    cli.answers = { sessions: () => [] }
    assert.equal(await cli.kith('sessions', 'list'), 0)
    assert.equal(cli.stdout.text, 'no sessions\n')
  })

  it('shows what was said, with no line that a text could forge', async () => {
    assert.equal(await cli.kith('sessions', 'show', 'work', '--of', 'bob'), 0)
    assert.deepEqual(cli.calls, [['showSession', { asker: 'bob', session: 'work' }]])
    assert.ok(
      cli.stdout.text.endsWith(
        [
          '',
          'summary of what was said first:',
          '    they spoke of trees',
          '',
          `${timeText(AT)}  bob:`,
          '    and',
          '    then?',
          '',
          `${timeText(AT + 1_000)}  answer:`,
          '    a fish',
          '',
        ].join('\n'),
      ),
      cli.stdout.text,
    )
  })

  it("takes the owner's own unless it is told whose", async () => {
    assert.equal(await cli.kith('sessions', 'show', 'work', '--json'), 0)
    assert.equal(await cli.kith('sessions', 'remove', 'work'), 0)
    assert.deepEqual(cli.calls, [
      ['showSession', { asker: 'self', session: 'work' }],
      ['removeSession', { asker: 'self', session: 'work' }],
    ])
    assert.match(cli.stdout.text, /^forgot work of bob: 2 messages$/m)
  })

  it('fails for a session that there is not', async () => {
    cli.answers.removeSession = () => {
      throw new KithError('unknown-session', 'self has no session x here', { session: 'x' })
    }
    assert.equal(await cli.kith('sessions', 'remove', 'x'), 1)
    assert.match(cli.stderr.text, /no session x/)
  })

  for (const args of [['list'], ['show', 'x'], ['remove', 'x']]) {
    it(`${args[0] ?? ''} says that no node runs`, async () => {
      cli.answers = {}
      assert.equal(await cli.kith('sessions', ...args), 6)
      assert.match(cli.stderr.text, /no node is running.*\ntry: kith start/)
    })
  }
})
