import assert from 'node:assert/strict'
import type { DrillReport } from '../../../../src/node/control/api.ts'
import { KithError } from '../../../../src/protocol/errors.ts'
import { FakeCli } from '../../fake-cli.ts'
import { offlineKeys, types, WORDS } from './reports.ts'

describe('kith key', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  describe('export-next', () => {
    it('shows the words, and says where they go', async () => {
      cli.answers = { exportRotationKey: () => ({ words: WORDS }) }
      assert.equal(await cli.kith('-p', 'work', 'key', 'export-next'), 0)
      assert.ok(WORDS.every((word) => cli.stdout.text.includes(word)))
      assert.match(cli.stdout.text, /kith key keep NAME/)
      assert.match(cli.stdout.text, /kith -p work key export-next --forget/)
    })

    it('opens what is sealed, whether a node runs or not', async () => {
      offlineKeys(cli, {
        exportRotationKey: ({ passphrase }) => {
          if (passphrase === 'geheim') return { words: WORDS }
          throw new KithError('passphrase', 'sealed', { given: passphrase !== undefined })
        },
      })
      cli.stdin.end('geheim\n')
      assert.equal(await cli.kith('key', 'export-next', '--passphrase-stdin', '--json'), 0)
      assert.deepEqual(cli.stdout.json, [{ rotationWords: WORDS }])
    })

    it('says that there is nothing to show where the key is elsewhere', async () => {
      cli.answers = {
        exportRotationKey: () => {
          throw new KithError('rotation-key-off-host', 'it is not here', { id: 'x' })
        },
      }
      assert.equal(await cli.kith('key', 'export-next'), 1)
    })

    it('--forget erases the key for its words, which it does not show', async () => {
      cli.answers = { forgetRotationKey: () => ({}) }
      types(cli, WORDS.join(' '))
      assert.equal(await cli.kith('key', 'export-next', '--forget'), 0)
      assert.deepEqual(cli.calls, [['forgetRotationKey', { words: WORDS.join(' ') }]])
      assert.match(cli.stdout.text, /on this host no more/)
      assert.ok(!(cli.stdout.text + cli.stderr.text).includes('worda'))
    })

    it('--forget takes the words from a pipe', async () => {
      cli.answers = { forgetRotationKey: () => ({}) }
      cli.stdin.end(`${WORDS.join(' ')}\n`)
      assert.equal(await cli.kith('key', 'export-next', '--forget', '--json'), 0)
      assert.deepEqual(cli.stdout.json, [{ forgotten: true }])
    })
  })

  describe('drill', () => {
    const well = { check: 'key-log', state: 'ok', what: 'takes rotation 1' } as const
    const open = {
      check: 'recovery-words',
      state: 'unchecked',
      what: 'not here',
      hint: 'kith key recover --dry-run',
    } as const
    const lost = { check: 'bob', state: 'fail', what: 'is frozen' } as const

    it('shows what it found, what it could not, and a verdict', async () => {
      cli.answers = { drillRotation: () => ({ state: 'ok', findings: [well, open] }) }
      assert.equal(await cli.kith('-p', 'work', 'key', 'drill'), 0)
      assert.equal(
        cli.stdout.text,
        [
          'ok         key-log         takes rotation 1',
          'unchecked  recovery-words  not here',
          '           try: kith -p work key recover --dry-run',
          '',
          'a rotation would go through (1 not checked)',
          '',
        ].join('\n'),
      )
    })

    for (const [state, code, verdict] of [
      ['ok', 0, /would go through \(/],
      ['warn', 7, /somebody has to see to/],
      ['fail', 1, /would not go through everywhere/],
    ] as const) {
      it(`exits with ${code} for ${state}`, async () => {
        const report: DrillReport = { state, findings: [well, lost] }
        cli.answers = { drillRotation: () => report }
        assert.equal(await cli.kith('key', 'drill'), code)
        assert.match(cli.stdout.text, verdict)
        assert.equal(await cli.kith('key', 'drill', '--json'), code)
        assert.deepEqual(JSON.parse(cli.stdout.text.trim().split('\n').at(-1) ?? ''), report)
      })
    }

    it('opens the keys with a passphrase that is given, and works without a node', async () => {
      const { calls } = offlineKeys(cli, {
        drillRotation: () => ({ state: 'ok', findings: [well] }),
      })
      cli.stdin.end('geheim\n')
      assert.equal(await cli.kith('key', 'drill', '--passphrase-stdin'), 0)
      assert.equal(await cli.kith('key', 'drill'), 0)
      assert.deepEqual(calls, [
        ['drillRotation', { passphrase: 'geheim' }],
        ['drillRotation', {}],
      ])
    })
  })
})
