import assert from 'node:assert/strict'
import type { AlertReport } from '../../../src/node/control/api.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { timeText } from '../../../src/cli/time-text.ts'
import { FakeCli } from '../fake-cli.ts'

const AT = 1_790_000_000_000

const older: AlertReport = {
  id: '01a1fd5d-0392-7386-8375-5bed883ec731',
  at: AT,
  kind: 'peer-rotated',
  peer: 'bob',
  what: 'bob has another key',
  hint: 'kith peers show bob',
  count: 1,
  lastAt: AT,
}
const newer: AlertReport = {
  ...older,
  id: '01a1fd5d-0392-7386-8375-5bed883ec732',
  kind: 'invite-burned',
  what: 'somebody guesses',
  hint: 'look',
  count: 3,
  lastAt: AT + 60_000,
}
const seen: AlertReport = {
  ...older,
  id: '01a1fd5d-0392-7386-8375-5bed883ec730',
  what: 'long ago',
  seenAt: AT,
}

describe('kith alerts', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers = { alerts: () => [seen, older, newer] }
  })

  describe('list', () => {
    it('shows what is open, the newest first, with what to type', async () => {
      assert.equal(await cli.kith('-p', 'work', 'alerts', 'list'), 0)
      assert.equal(
        cli.stdout.text,
        [
          `invite-burned  ${timeText(AT)}, 3 times, last ${timeText(AT + 60_000)}`,
          '    somebody guesses',
          '    try: look',
          `    id: ${newer.id}`,
          `peer-rotated  ${timeText(AT)}`,
          '    bob has another key',
          '    try: kith -p work peers show bob',
          `    id: ${older.id}`,
          '',
        ].join('\n'),
      )
      assert.match(cli.stderr.text, /kith -p work alerts ack ID/)
    })

    it('shows those that were acknowledged only when asked', async () => {
      await cli.kith('alerts', 'list', '--all')
      const { text } = cli.stdout
      assert.ok(text.endsWith(`acknowledged ${timeText(AT)}\n    long ago\n    id: ${seen.id}\n`))
      assert.equal(text.match(/try:/g)?.length, 2)
    })

    it('has them as JSON', async () => {
      assert.equal(await cli.kith('alerts', 'list', '--json'), 0)
      assert.deepEqual(cli.stdout.json, [[newer, older]])
      await cli.kith('alerts', 'list', '--json', '--all')
      assert.deepEqual(cli.stdout.json[1], [newer, older, seen])
      assert.equal(cli.stderr.text, '')
    })

    it('says when there is none, and nothing of what to do then', async () => {
      cli.answers = { alerts: () => [seen] }
      await cli.kith('alerts', 'list')
      cli.answers = { alerts: () => [] }
      await cli.kith('alerts', 'list', '--all')
      assert.deepEqual([cli.stdout.text, cli.stderr.text], ['no open alerts\nno alerts\n', ''])
    })

    it('lets nobody write to the terminal', async () => {
      const nasty = 'x\u001B[2J\nkith: fine'
      cli.answers = { alerts: () => [{ ...newer, kind: nasty, what: nasty, hint: nasty }] }
      await cli.kith('alerts', 'list')
      assert.ok(!cli.stdout.text.includes('\u001B'))
      assert.equal(cli.stdout.text.split('\n').length, 5)
    })
  })

  describe('ack', () => {
    beforeEach(() => {
      cli.answers = { ackAlerts: ({ alert }) => (alert === 'all' ? [older, newer] : [older]) }
    })

    it('acknowledges one', async () => {
      assert.equal(await cli.kith('alerts', 'ack', older.id), 0)
      assert.deepEqual(cli.calls, [['ackAlerts', { alert: older.id }]])
      assert.equal(cli.stdout.text, 'acknowledged 1\n')
    })

    it('acknowledges all, and has them as JSON', async () => {
      assert.equal(await cli.kith('alerts', 'ack', '--all'), 0)
      assert.equal(cli.stdout.text, 'acknowledged 2\n')
      await cli.kith('alerts', 'ack', '--all', '--json')
      assert.deepEqual(cli.calls.at(-1), ['ackAlerts', { alert: 'all' }])
      assert.match(cli.stdout.text, /\n\[\{.*\}\]\n$/)
    })

    it('says when there was nothing to do', async () => {
      cli.answers = { ackAlerts: () => [] }
      assert.equal(await cli.kith('alerts', 'ack', older.id), 0)
      assert.equal(cli.stdout.text, 'there was nothing to acknowledge\n')
    })

    for (const args of [[], [older.id, '--all']]) {
      it(`takes one or all, not ${args.length === 0 ? 'neither' : 'both'}`, async () => {
        assert.equal(await cli.kith('alerts', 'ack', ...args), 2)
        assert.deepEqual(cli.calls, [])
      })
    }

    it('fails for an id that no alert has', async () => {
      cli.answers = {
        ackAlerts: () => {
          throw new KithError(
            'unknown-alert',
            'no alert',
            { alert: 'x' },
            { hint: 'kith alerts list' },
          )
        },
      }
      assert.equal(await cli.kith('alerts', 'ack', older.id), 1)
      assert.match(cli.stderr.text, /try: kith alerts list/)
    })
  })
})
