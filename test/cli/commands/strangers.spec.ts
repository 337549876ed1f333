import assert from 'node:assert/strict'
import type { Input, StrangersReport } from '../../../src/node/control/api.ts'
import { timeText } from '../../../src/cli/time-text.ts'
import { FakeCli } from '../fake-cli.ts'
import { bob, ID, KEY } from '../reports.ts'

const AT = 1_790_000_000_000
const NOBODY: StrangersReport = { pending: [], denied: [], blocked: [] }
const ALL: StrangersReport = {
  pending: [{ key: KEY, address: '192.0.2.7', firstAt: AT, lastAt: AT + 60_000, count: 3 }],
  denied: [{ key: 'denied key', at: AT }],
  blocked: [{ who: ID, at: AT }],
}

describe('kith peers and strangers', () => {
  let cli: FakeCli
  let report: StrangersReport

  beforeEach(() => {
    cli = new FakeCli()
    report = ALL
    cli.answers = {
      strangers: () => report,
      acceptStranger: ({ allow = [], name }: Input<'acceptStranger'>) => ({ ...bob, name, allow }),
      denyStranger: ({ key }) => ({ key }),
      block: ({ who }) => ({ who }),
      unblock: ({ who }) => ({ who }),
      editPeers: () => [bob],
    }
  })

  it('lists who waits, with what to type', async () => {
    assert.equal(await cli.kith('peers', 'pending'), 0)
    const [head, row, ...rest] = cli.stdout.text.trimEnd().split('\n')
    assert.match(head ?? '', /^WHO +STATE +FROM +CALLS +FIRST +LAST$/)
    const cells = row?.split(/ {2,}/)
    assert.deepEqual(cells, [KEY, 'waiting', '192.0.2.7', '3', timeText(AT), timeText(AT + 60_000)])
    assert.deepEqual(rest, [])
    assert.match(cli.stderr.text, /kith peers accept KEY NAME --allow ping,ask/)
  })

  it('lists whom it was told to leave alone when asked for all', async () => {
    await cli.kith('peers', 'pending', '--all')
    const states = cli.stdout.text.split('\n').map((line) => line.split(/ {2,}/)[1])
    assert.deepEqual(states, ['STATE', 'waiting', 'denied', 'blocked', undefined])
  })

  it('says that nobody waits, and nothing more', async () => {
    report = NOBODY
    await cli.kith('peers', 'pending')
    assert.deepEqual([cli.stdout.text, cli.stderr.text], ['nobody waits\n', ''])
  })

  const commands: [args: string, call: [route: string, input: unknown], said: string][] = [
    [
      `accept ${KEY} carol --allow ping,ask`,
      ['acceptStranger', { key: KEY, name: 'carol', allow: ['ping', 'ask'] }],
      'carol is pinned, and may ping, ask\n',
    ],
    [
      `accept ${KEY} carol`,
      ['acceptStranger', { key: KEY, name: 'carol' }],
      'carol is pinned, and may do nothing\n',
    ],
    [`deny ${KEY}`, ['denyStranger', { key: KEY }], `${KEY} is not listed any more\n`],
    [
      `deny ${'0f'.repeat(32)}`,
      ['denyStranger', { key: '0f'.repeat(32) }],
      `${'0f'.repeat(32)} is not listed any more\n`,
    ],
    [`block ${ID}`, ['block', { who: ID }], `${ID} is blocked\n`],
    [`unblock ${KEY}`, ['unblock', { who: KEY }], `${KEY} is no longer blocked\n`],
  ]
  for (const [args, call, said] of commands) {
    it(`does "${args}"`, async () => {
      assert.equal(await cli.kith('peers', ...args.split(' ')), 0)
      assert.deepEqual(cli.calls, [call])
      assert.equal(cli.stdout.text, said)
    })

    it(`prints one JSON object for "${args}"`, async () => {
      await cli.kith('peers', ...args.split(' '), '--json')
      assert.equal(cli.stdout.json.length, 1)
      assert.equal(cli.stderr.text, '')
    })
  }

  it('prints all of it as JSON', async () => {
    await cli.kith('peers', 'pending', '--json')
    assert.deepEqual(cli.stdout.json, [ALL])
  })

  it('denies a right and not a key when rights are named', async () => {
    await cli.kith('peers', 'deny', 'bob', 'ask')
    assert.deepEqual(cli.calls, [['editPeers', { op: 'deny', name: 'bob', grants: ['ask'] }]])
  })

  it('wants to know which right when only a peer is named', async () => {
    assert.equal(await cli.kith('peers', 'deny', 'bob'), 2)
    assert.match(cli.stderr.text, /say what bob may no longer do/)
    assert.deepEqual(cli.calls, [])
  })

  it('shows a peer that has unpinned this node, and since when', async () => {
    const unpinned = { ...bob, state: 'unpinned-you', unpinnedUsAt: AT } as const
    cli.answers = { peers: () => [unpinned] }
    await cli.kith('peers', 'list')
    await cli.kith('peers', 'show', 'bob')
    assert.match(cli.stdout.text, /^bob +unpinned-you /m)
    assert.match(cli.stdout.text, new RegExp(`^unpinned you +${timeText(AT)}$`, 'm'))
  })

  for (const args of ['pending', `accept ${KEY} carol`, `deny ${KEY}`, `block ${KEY}`]) {
    it(`needs a running node for "${args}"`, async () => {
      cli.answers = {}
      assert.equal(await cli.kith('peers', ...args.split(' ')), 6)
      assert.match(cli.stderr.text, /no node is running/)
    })
  }
})
