import assert from 'node:assert/strict'
import type { KeyReport } from '../../../../src/node/control/api.ts'
import { KithError } from '../../../../src/protocol/errors.ts'
import { FakeCli } from '../../fake-cli.ts'
import type { Answers } from '../../fake-cli.ts'
import { ID } from '../../reports.ts'
import { keyReport, offlineKeys, types, WORDS } from './reports.ts'

const FOUR = 'bread lunar sketch search'
const ROTATION = WORDS.join(' ')

describe('kith key retire', () => {
  let cli: FakeCli
  let answers: Answers

  const ended = {
    id: ID,
    sn: 2,
    peers: [
      { peer: 'bob', told: true },
      { peer: 'carol', told: false },
    ],
  }

  beforeEach(() => {
    cli = new FakeCli()
    answers = { key: () => keyReport, retire: () => ended }
    cli.answers = answers
  })

  /** What the node was told to end by, each time. */
  function inputs(): unknown[] {
    return cli.calls.flatMap(([route, input]) => (route === 'retire' ? [input] : []))
  }

  it('says what follows and for whom, and ends the node once its four words are typed', async () => {
    types(cli, ` ${FOUR.replace(' ', '  ').toUpperCase()} `)
    assert.equal(await cli.kith('key', 'retire'), 0)
    const { text } = cli.stderr
    assert.ok(text.includes(`this ends ${ID} (${FOUR})`))
    assert.match(text, /hear of it now: bob, dave\n/)
    assert.match(text, /not connected: carol\n/)
    assert.deepEqual(inputs(), [{}])
    assert.match(cli.stdout.text, /has ended, by event 2 of its key log/)
    assert.match(cli.stdout.text, /bob +yes\ncarol +no\n/)
    assert.match(text, /nobody tells carol .*remove the pin/)
    assert.match(text, /within 72 h: kith key recover/)
  })

  for (const typed of ['', 'y', 'bread lunar sketch', `${FOUR} x`]) {
    it(`changes nothing when ${JSON.stringify(typed)} is typed`, async () => {
      types(cli, typed)
      assert.equal(await cli.kith('key', 'retire'), 1)
      assert.deepEqual(inputs(), [])
      assert.match(cli.stderr.text, /nothing was changed/)
    })
  }

  it('wants --yes where nobody can be asked, and then asks nothing', async () => {
    assert.equal(await cli.kith('key', 'retire'), 2)
    assert.deepEqual(inputs(), [])
    assert.equal(await cli.kith('key', 'retire', '--yes'), 0)
    assert.deepEqual(inputs(), [{}])
  })

  it('opens sealed keys by the passphrase that is piped', async () => {
    cli.answers = {
      ...answers,
      retire: ({ passphrase }) => {
        if (passphrase === 'geheim') return ended
        throw new KithError('passphrase', 'sealed', { given: false })
      },
    }
    cli.stdin.end('geheim\n')
    assert.equal(await cli.kith('key', 'retire', '--yes', '--passphrase-stdin'), 0)
    assert.deepEqual(inputs(), [{}, { passphrase: 'geheim' }])
  })

  for (const [what, report, args] of [
    ['told so', keyReport, ['--words']],
    ['the rotation key is off the host', { ...keyReport, rotationKey: 'off-host' }, []],
  ] as [string, KeyReport, string[]][]) {
    it(`ends it by words when ${what}`, async () => {
      cli.answers = { ...answers, key: () => report }
      types(cli, FOUR, ROTATION)
      assert.equal(await cli.kith('key', 'retire', ...args), 0)
      assert.deepEqual(inputs(), [{ words: ROTATION }])
      assert.ok(!cli.stderr.text.includes('worda'))
    })
  }

  it('says of a node that does not run that nobody hears of it', async () => {
    cli.answers = {}
    const peers = [{ peer: 'bob', state: 'unknown', connected: false }] as const
    const { calls, closed } = offlineKeys(cli, {
      key: () => ({ ...keyReport, peers: [...peers] }),
      retire: () => ({ ...ended, peers: [{ peer: 'bob', told: false }] }),
    })
    types(cli, FOUR)
    assert.equal(await cli.kith('-p', 'work', 'key', 'retire'), 0)
    assert.match(cli.stderr.text, /no node is running .*: kith -p work start first/)
    assert.deepEqual([calls.at(-1)?.[0], closed()], ['retire', 1])
  })

  it('has JSON', async () => {
    assert.equal(await cli.kith('key', 'retire', '--yes', '--json'), 0)
    assert.deepEqual(cli.stdout.json, [{ state: 'retired', running: false, ...ended }])
    assert.equal(cli.stderr.text, '')
  })

  it('does it once', async () => {
    const retired = { ...keyReport }
    delete retired.key
    cli.answers = { ...answers, key: () => retired }
    assert.equal(await cli.kith('key', 'retire', '--yes'), 1)
    assert.match(cli.stderr.text, /has retired already/)
    assert.deepEqual(inputs(), [])
  })
})
