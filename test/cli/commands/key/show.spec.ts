import assert from 'node:assert/strict'
import type { KeyReport } from '../../../../src/node/control/api.ts'
import { timeText } from '../../../../src/cli/time-text.ts'
import { KithError } from '../../../../src/protocol/errors.ts'
import { FakeCli } from '../../fake-cli.ts'
import { ID, KEY } from '../../reports.ts'
import { AT, keyReport, NEXT_KEY, offlineKeys, rotation, wanted } from './reports.ts'

describe('kith key', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers = { key: () => keyReport }
  })

  it('show tells of the key in use, of the one that rotates it, and of what is between', async () => {
    const graceEndsAt = AT + 1_000
    cli.answers = { key: () => ({ ...keyReport, graceEndsAt, waiting: rotation }) }
    assert.equal(await cli.kith('key', 'show'), 0)
    assert.equal(
      cli.stdout.text,
      [
        `id            ${ID}`,
        'words         bread lunar sketch search',
        `peer id       ${KEY}`,
        `since         ${timeText(AT)}`,
        `key before    may announce this one until ${timeText(graceEndsAt)}`,
        'rotation key  on this host',
        'waits         rotation 2 (crane sick gate asthma) for its rotation key',
        'recovery      within 72 h, at each peer, of what a thief does',
        'events        2 of 64',
        '',
      ].join('\n'),
    )
  })

  it('show tells of a node that has retired', async () => {
    const retired: KeyReport = { ...keyReport, rotationKey: 'off-host' }
    delete retired.key
    cli.answers = { key: () => retired }
    await cli.kith('key', 'show')
    assert.match(cli.stdout.text, /none: this node is retired/)
    assert.match(cli.stdout.text, /off this host/)
  })

  it('log has a line for each event', async () => {
    assert.equal(await cli.kith('key', 'log'), 0)
    assert.equal(
      cli.stdout.text,
      [
        `SN  WHAT                               MADE                 ${'KEY'.padEnd(52)}  HASH`,
        `0   inception                          ${timeText(AT)}  ${NEXT_KEY}  aa`,
        `1   rotation (routine, grace 1 d 0 h)  ${timeText(AT)}  ${KEY}  bb`,
        '',
      ].join('\n'),
    )
  })

  it('log shows how each hash begins, and the whole of it as JSON', async () => {
    const hash = '0123456789abcdef'.repeat(4)
    const log = [{ ...keyReport.log[0], hash }] as typeof keyReport.log
    cli.answers = { key: () => ({ ...keyReport, log }) }
    await cli.kith('key', 'log')
    assert.match(cli.stdout.text, /  0123456789abcdef\n$/)
    await cli.kith('key', 'log', '--json')
    assert.ok(cli.stdout.text.includes(`"hash":"${hash}"`))
  })

  it('log names every kind of event', async () => {
    const events = [
      { sn: 1, type: 'rot', why: 'compromise', graceSeconds: 0, lastGoodAt: AT, hash: '', at: AT },
      { sn: 2, type: 'rec', hash: '', at: AT, key: KEY },
      { sn: 3, type: 'end', hash: '', at: AT },
    ] as const
    cli.answers = { key: () => ({ ...keyReport, log: [...events] }) }
    await cli.kith('key', 'log')
    for (const what of [
      `rotation (compromise, last good ${timeText(AT)})`,
      'recovery',
      'retirement',
    ]) {
      assert.ok(cli.stdout.text.includes(what), what)
    }
  })

  it('status says of each peer what it knows, and what happens to those that know less', async () => {
    assert.equal(await cli.kith('-p', 'work', 'key', 'status'), 0)
    assert.equal(
      cli.stdout.text,
      [
        'PEER   STATE         CONNECTED  WHAT HAPPENS',
        'bob    acknowledged  yes        knows the key in use',
        'carol  unseen        no         knows event 0; catches up by itself, when it calls or is called',
        'dave   frozen        yes        holds two key logs of this node: kith -p work key recover',
        '',
      ].join('\n'),
    )
  })

  it('status tells of rotations that wait, here and for a key that is kept here', async () => {
    const requests = [
      { ...wanted, receivedAt: AT, endorsed: false },
      { ...wanted, peer: 'nas', receivedAt: AT, endorsed: true },
    ]
    cli.answers = { key: () => ({ ...keyReport, peers: [], waiting: rotation, requests }) }
    await cli.kith('key', 'status')
    const what = `rotation 2, routine, made ${timeText(AT)} (crane sick gate asthma)`
    assert.equal(
      cli.stdout.text,
      [
        'no peers',
        '',
        `waits for its rotation key: ${what}`,
        '    try: kith key request --via NAME',
        '',
        `server asks for ${what}`,
        '    try: kith key sign server',
        '',
        `nas asks for ${what}: signed`,
        '',
      ].join('\n'),
    )
  })

  it('status says what it cannot know when no node runs', async () => {
    cli.answers = {}
    const peers = [{ peer: 'bob', state: 'unknown', connected: false }] as const
    const { closed } = offlineKeys(cli, { key: () => ({ ...keyReport, peers: [...peers] }) })
    assert.equal(await cli.kith('key', 'status'), 0)
    assert.match(cli.stdout.text, /bob +unknown +no +the running node knows/)
    assert.match(cli.stderr.text, /no node is running/)
    assert.equal(closed(), 1)
  })

  for (const command of ['show', 'log', 'status']) {
    it(`${command} has JSON, from the running node or from the files`, async () => {
      assert.equal(await cli.kith('key', command, '--json'), 0)
      cli.answers = {}
      offlineKeys(cli, { key: () => keyReport })
      assert.equal(await cli.kith('key', command, '--json'), 0)
      const [online, offline] = cli.stdout.json as Record<string, unknown>[]
      if (command === 'status')
        assert.deepEqual([online?.['running'], offline?.['running']], [true, false])
      else assert.deepEqual(online, offline)
      if (command === 'show') assert.deepEqual(online, keyReport)
      if (command === 'log') assert.deepEqual(online, keyReport.log)
      assert.equal(cli.stderr.text, '')
    })
  }

  it('fails as the node does, and lets go of what it held', async () => {
    cli.answers = {}
    const err = new KithError('no-identity', 'none', { home: '' }, { hint: 'kith init' })
    const { closed } = offlineKeys(cli, { key: () => Promise.reject(err) })
    assert.equal(await cli.kith('key', 'show'), 1)
    assert.match(cli.stderr.text, /try: kith init/)
    assert.equal(closed(), 1)
  })
})
