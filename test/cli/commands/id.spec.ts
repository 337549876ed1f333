import assert from 'node:assert/strict'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'
import { ID, KEY } from '../reports.ts'

const node = { id: ID, key: KEY, words: ['a', 'b', 'c', 'd'], addresses: ['/ip4/10.0.0.1/tcp/1'] }

describe('kith id', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.offlineNode = { describeNode: async () => node }
  })

  it('needs no running node', async () => {
    assert.equal(await cli.kith('id'), 0)
    assert.match(cli.stdout.text, new RegExp(`^id +${ID}$`, 'm'))
    assert.match(cli.stdout.text, /^words +a b c d$/m)
    assert.deepEqual(cli.calls, [])
  })

  it('prints one object with --json', async () => {
    await cli.kith('id', '--json')
    assert.deepEqual(cli.stdout.json, [node])
  })

  it('draws the id with --qr', async () => {
    await cli.kith('id', '--qr')
    const drawn = cli.stdout.text.split('\n').filter((line) => /^[█▀▄ ]+$/.test(line))
    assert.ok(drawn.length > 10)
    assert.equal(new Set(drawn.map((line) => line.length)).size, 1)
  })

  it('says that there is no node', async () => {
    const err = new KithError(
      'no-identity',
      'there is no node',
      { home: '/' },
      { hint: 'kith init' },
    )
    cli.offlineNode = { describeNode: () => Promise.reject(err) }
    assert.equal(await cli.kith('id'), 1)
    assert.equal(cli.stderr.text, 'kith: there is no node\ntry: kith init\n')
  })
})
