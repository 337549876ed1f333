import assert from 'node:assert/strict'
import type { SettlementReport } from '../../../src/node/control/api.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'
import { ID, KEY } from '../reports.ts'

const HASH = 'c0ffee'.repeat(10) + 'abcd'
const WORDS = ['divert', 'daughter', 'doll', 'steak']

const kept: SettlementReport = {
  peer: 'bob',
  id: ID,
  words: WORDS,
  hash: HASH,
  log: [
    { sn: 0, type: 'icp', key: 'first', hash: 'a', at: 1 },
    { sn: 1, type: 'rec', key: KEY, hash: HASH, at: 2 },
  ],
}
const dryRun = ['settlePeer', { name: 'bob', hash: 'c0ffeec0', dryRun: true }]
const done = ['settlePeer', { name: 'bob', hash: HASH }]

describe('kith peers settle', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers = { settlePeer: () => kept }
  })

  /** Types this at the terminal. */
  function answer(text: string): void {
    cli.stdin.isTTY = true
    cli.stderr.isTTY = true
    cli.stdin.end(`${text}\n`)
  }

  it('shows what would be kept and what to compare, and asks', async () => {
    answer('y')
    assert.equal(await cli.kith('peers', 'settle', 'bob', 'C0FFEEC0'), 0)
    for (const part of [...WORDS, HASH, KEY, 'another channel', '[y/N]']) {
      assert.ok(cli.stderr.text.includes(part), part)
    }
    assert.deepEqual(cli.calls, [dryRun, done])
    assert.match(cli.stdout.text, /^bob is settled/)
  })

  for (const text of ['n', '', 'c0ffeec0']) {
    it(`changes nothing when the answer is ${JSON.stringify(text)}`, async () => {
      answer(text)
      assert.equal(await cli.kith('peers', 'settle', 'bob', 'c0ffeec0'), 1)
      assert.deepEqual(cli.calls, [dryRun])
    })
  }

  it('needs a terminal, or --yes', async () => {
    assert.equal(await cli.kith('peers', 'settle', 'bob', 'c0ffeec0'), 2)
    assert.deepEqual(cli.calls, [dryRun])
    assert.equal(await cli.kith('peers', 'settle', 'bob', 'c0ffeec0', '--yes', '--json'), 0)
    assert.deepEqual(cli.calls, [dryRun, dryRun, done])
    assert.deepEqual(cli.stdout.json, [kept])
    assert.ok(cli.stderr.text.includes(HASH))
  })

  it('says what is wrong with the hash', async () => {
    cli.answers = {
      settlePeer: ({ hash }) => {
        throw new KithError('unknown-branch', `neither ends in ${hash}`, { hash }, {})
      },
    }
    assert.equal(await cli.kith('peers', 'settle', 'bob', 'c0ffeec0', '--yes'), 1)
    assert.match(cli.stderr.text, /neither ends in c0ffeec0/)
  })

  it('needs a node that runs', async () => {
    cli.answers = {}
    assert.equal(await cli.kith('peers', 'settle', 'bob', 'c0ffeec0', '--yes'), 6)
    assert.match(cli.stderr.text, /no node is running/)
  })
})
