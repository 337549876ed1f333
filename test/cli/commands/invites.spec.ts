import assert from 'node:assert/strict'
import { timeText } from '../../../src/cli/time-text.ts'
import type { InviteReport, JoinReport } from '../../../src/node/control/api.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'
import { bob, ID } from '../reports.ts'

const AT = 1_790_000_000_000
const INVITE = '0f'.repeat(16)
const LINK = 'kith://i/1/omFiAA'
const WORDS = ['beef', 'token', 'pig', 'cram']

const open: InviteReport = {
  invite: INVITE,
  name: 'bob',
  allow: ['ping', 'ask'],
  at: AT,
  expiresAt: AT + 3_600_000,
  state: 'open',
}
const used: InviteReport = {
  ...open,
  state: 'used',
  used: { by: ID, at: AT + 1_000, words: WORDS },
  peer: 'bert',
  confirmed: 'link',
}
const trying: JoinReport = {
  invite: INVITE,
  name: 'alice',
  id: ID,
  at: AT,
  state: 'trying',
  until: AT + 3_600_000,
  attempts: 0,
}
const failed = { lastError: '/ip4/192.0.2.7/tcp/7423: no answer' }
const paired: JoinReport = {
  ...trying,
  attempts: 1,
  state: 'paired',
  paired: { at: AT, words: WORDS },
  peer: 'alice',
  confirmed: 'link',
}

describe('kith and invites', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  describe('kith invite', () => {
    beforeEach(() => {
      cli.answers = { invite: () => ({ ...open, link: LINK }) }
    })

    it('prints the link alone, and says what to do with it', async () => {
      assert.equal(await cli.kith('invite', 'bob'), 0)
      assert.equal(cli.stdout.text, `${LINK}\n`)
      const input = { name: 'bob', allow: ['ping', 'ask'], ttlSeconds: 3_600 }
      assert.deepEqual(cli.calls, [['invite', input]])
      assert.ok(cli.stderr.text.includes(`until ${timeText(open.expiresAt)}, is bob and may ping`))
      assert.match(cli.stderr.text, /who types: kith join -,/)
    })

    it('passes on what is said of rights, time and addresses', async () => {
      const address = '/dns4/nas.example/tcp/7423'
      await cli.kith('invite', 'bob', '--allow', 'status', '--ttl', '7d', '--address', address)
      const input = { name: 'bob', allow: ['status'], ttlSeconds: 604_800, addresses: [address] }
      assert.deepEqual(cli.calls, [['invite', input]])
    })

    it('shows a QR code below the link when asked to', async () => {
      await cli.kith('invite', 'bob', '--qr')
      const [link, blank, ...code] = cli.stdout.text.trimEnd().split('\n')
      assert.deepEqual([link, blank], [LINK, ''])
      assert.ok(code.length > 10 && code.every((line) => /^[█▀▄ ]+$/.test(line)))
    })

    it('prints one JSON object', async () => {
      await cli.kith('invite', 'bob', '--json')
      assert.deepEqual(cli.stdout.json, [{ ...open, link: LINK }])
      assert.equal(cli.stderr.text, '')
    })

    it('knows no time without a unit', async () => {
      assert.equal(await cli.kith('invite', 'bob', '--ttl', '60'), 2)
      assert.deepEqual(cli.calls, [])
    })
  })

  describe('kith join', () => {
    let reports: JoinReport[]

    beforeEach(() => {
      reports = [paired]
      cli.answers = {
        join: () => trying,
        followJoin: () => reports.shift() ?? { ...trying, ...failed, attempts: 9 },
      }
    })

    it('prints the words once the inviter is pinned, and says to compare them', async () => {
      assert.equal(await cli.kith('join', LINK), 0)
      const first = 'alice and this node have pinned each other'
      assert.equal(cli.stdout.text, `${first}\nwords: ${WORDS.join(' ')}\n`)
      assert.match(cli.stderr.text, /kith peers confirm alice$/m)
      assert.deepEqual(cli.calls, [
        ['join', { link: LINK, allow: ['ping', 'ask'] }],
        ['followJoin', { invite: INVITE, after: 0 }],
      ])
    })

    it('reads the link from stdin, where nobody else sees it', async () => {
      cli.stdin.end(`\n  ${LINK}\n`)
      assert.equal(await cli.kith('join', '-', '--want', 'ask', '--allow', 'ping'), 0)
      const input = { link: LINK, allow: ['ping'], wants: ['ask'] }
      assert.deepEqual(cli.calls[0], ['join', input])
    })

    it('waits for three attempts, then says that the node goes on, and exits with 3', async () => {
      reports = [1, 2, 3].map((attempts) => ({ ...trying, ...failed, attempts }))
      assert.equal(await cli.kith('join', LINK), 3)
      assert.equal(cli.calls.length, 4)
      assert.match(cli.stderr.text, /alice is not paired yet: .*no answer$/m)
      assert.match(cli.stderr.text, /goes on trying by itself until .*kith invites revoke alice/)
      assert.equal(cli.stdout.text, '')
    })

    it('leaves it to the node at Ctrl-C', async () => {
      cli.answers = {
        ...cli.answers,
        followJoin: async () => {
          cli.interrupt()
          throw new Error('aborted')
        },
      }
      assert.equal(await cli.kith('join', LINK), 130)
      assert.match(cli.stderr.text, /goes on trying by itself/)
      assert.ok(cli.calls.every(([route]) => route !== 'revokeInvite'))
    })

    it('says so when the node is pinned under another name', async () => {
      await cli.kith('join', LINK, '--name', 'ally')
      assert.match(cli.stderr.text, /pinned here as alice, and keeps this name/)
    })

    it('says so when the invite has expired on the way', async () => {
      reports = [{ ...trying, state: 'over' }]
      assert.equal(await cli.kith('join', LINK), 2)
      assert.match(cli.stderr.text, /the invite has expired\ntry: ask for a new invite/)
    })

    it('prints one JSON object, paired or not', async () => {
      await cli.kith('join', LINK, '--json')
      assert.deepEqual(cli.stdout.json, [paired])
    })

    it('never repeats a link that is refused', async () => {
      cli.answers = {
        join: () => {
          const why = 'damaged'
          throw new KithError('bad-invite', 'no usable invite: damaged', { why }, { hint: 'h' })
        },
      }
      assert.equal(await cli.kith('join', LINK), 2)
      assert.equal(cli.stderr.text, 'kith: no usable invite: damaged\ntry: h\n')
    })
  })

  it('lists what was made and redeemed, with words and what is still to compare', async () => {
    cli.answers = { invites: () => ({ invites: [open, used], joins: [trying, paired] }) }
    assert.equal(await cli.kith('invites', 'list'), 0)
    const rows = cli.stdout.text
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/))
    const until = `until ${timeText(open.expiresAt)}`
    assert.deepEqual(rows.slice(1), [
      ['bob', 'made here', 'open', until, '-', INVITE],
      ['bert', 'made here', 'used', timeText(AT + 1_000), WORDS.join(' '), ID],
      ['alice', 'redeemed here', 'trying', until, '-', ID],
      ['alice', 'redeemed here', 'paired', timeText(AT), WORDS.join(' '), ID],
    ])
    assert.match(cli.stderr.text, /kith peers confirm bert$/m)
  })

  it('says that there are none', async () => {
    cli.answers = { invites: () => ({ invites: [], joins: [] }) }
    await cli.kith('invites', 'list')
    assert.deepEqual([cli.stdout.text, cli.stderr.text], ['no invites: kith invite NAME\n', ''])
  })

  it('takes one back', async () => {
    cli.answers = { revokeInvite: () => ({ invites: [], joins: [] }) }
    assert.equal(await cli.kith('invites', 'revoke', 'bob'), 0)
    assert.deepEqual(cli.calls, [['revokeInvite', { which: 'bob' }]])
  })

  it('confirms a peer, with the words that were told or without', async () => {
    cli.answers = { confirmPeer: () => ({ ...bob, compared: WORDS }) }
    assert.equal(await cli.kith('peers', 'confirm', 'bob'), 0)
    assert.equal(cli.stdout.text, `bob is confirmed by words (${WORDS.join(' ')})\n`)
    await cli.kith('peers', 'confirm', 'bob', '--words', WORDS.join(' '))
    assert.deepEqual(cli.calls, [
      ['confirmPeer', { name: 'bob' }],
      ['confirmPeer', { name: 'bob', words: WORDS.join(' ') }],
    ])
  })

  const commands = ['invite bob', `join ${LINK}`, 'invites list', 'invites revoke bob']
  for (const command of [...commands, 'peers confirm bob']) {
    it(`needs a running node for "${command}"`, async () => {
      assert.equal(await cli.kith(...command.split(' ')), 6)
      assert.match(cli.stderr.text, /try: kith start/)
    })
  }
})
