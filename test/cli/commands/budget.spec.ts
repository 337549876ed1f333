import assert from 'node:assert/strict'
import type {
  BudgetReport,
  CostRecordReport,
  CostSumReport,
} from '../../../src/node/control/api.ts'
import { timeText } from '../../../src/cli/time-text.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'
import { ASK } from '../reports.ts'

const AT = 1_790_000_000_000
const spent = { microUsd: 120_000, tokens: 900, calls: 3, unpriced: 1 }

const report: BudgetReport = {
  day: '2026-11-21',
  ask: { microUsd: 500_000 },
  scopes: [
    {
      scope: 'day',
      cap: { microUsd: 5_000_000 },
      spent,
      reserved: { microUsd: 1, tokens: 10 },
      left: { microUsd: 4_879_999 },
      resetAt: AT,
    },
    {
      scope: 'peer-day',
      who: 'bob',
      cap: { tokens: 1_000 },
      spent,
      reserved: { microUsd: 0, tokens: 0 },
      left: { tokens: 100 },
      resetAt: AT,
    },
    {
      scope: 'job',
      who: 'nightly',
      cap: { tokens: 1_000 },
      spent,
      reserved: { microUsd: 0, tokens: 0 },
      left: { tokens: 100 },
      resetAt: AT,
    },
  ],
  models: [{ model: 'lab/large', ...spent }],
}

const unpriced: CostRecordReport = {
  type: 'record',
  seq: 7,
  at: AT,
  day: '2026-11-21',
  ask: ASK,
  asker: 'bob',
  model: 'lab/"large", new',
  inputTokens: 800,
  outputTokens: 100,
  estimated: false,
  hash: 'ab',
}
const record: CostRecordReport = { ...unpriced, job: 'nightly', microUsd: 120_000 }
const sum: CostSumReport = { type: 'sum', records: spent, ledger: spent, complete: true }

describe('kith budget', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers = { budget: () => report }
    cli.costItems = [record, unpriced, sum]
  })

  it('shows cap, spent, reserved, left and reset of each scope, and what models cost', async () => {
    assert.equal(await cli.kith('budget'), 0)
    assert.deepEqual(cli.calls, [['budget', {}]])
    const until = timeText(AT)
    assert.deepEqual(
      cli.stdout.text.split('\n').map((line) => line.replaceAll(/ {2,}/g, '|')),
      [
        '2026-11-21',
        'WHOSE DAY|OF|CAP|SPENT|RESERVED|LEFT|UNTIL',
        `this node|money|$5.00|$0.12|$0.000001|$4.879999|${until}`,
        '|tokens|-|900|10|-',
        `bob|money|-|$0.12|$0.00|-|${until}`,
        '|tokens|1000|900|0|100',
        `job nightly|money|-|$0.12|$0.00|-|${until}`,
        '|tokens|1000|900|0|100',
        '',
        'any one ask: at most $0.50',
        '',
        'MODEL|SPENT|TOKENS|CALLS',
        'lab/large|$0.12|900|3|1 of unknown price',
        '',
      ],
    )
  })

  it('shows that of one peer, and has it as JSON', async () => {
    assert.equal(await cli.kith('budget', '--peer', 'bob', '--json'), 0)
    assert.deepEqual(cli.calls, [['budget', { peer: 'bob' }]])
    assert.deepEqual(cli.stdout.json, [report])
  })

  describe('export', () => {
    it('prints records as CSV, and their sum beside them', async () => {
      const days = ['--from', '2026-11-01', '--to', '2026-11-21']
      assert.equal(await cli.kith('budget', 'export', ...days), 0)
      assert.deepEqual(cli.calls, [['costs', { from: '2026-11-01', to: '2026-11-21' }]])
      const time = new Date(AT).toISOString()
      const model = '"lab/""large"", new"'
      const head = `7,${time},2026-11-21,${ASK},bob,`
      assert.deepEqual(cli.stdout.text.split('\n'), [
        'seq,at,day,ask,asker,session,job,model,inputTokens,outputTokens,microUsd,estimated,hash',
        `${head},nightly,${model},800,100,120000,false,ab`,
        `${head},,${model},800,100,,false,ab`,
        '',
      ])
      assert.equal(cli.stderr.text, 'kith: 3 records: $0.12, 900 tokens, as in the ledger\n')
    })

    it('prints one object a line with --json, the sum last', async () => {
      assert.equal(await cli.kith('budget', 'export', '--json'), 0)
      assert.deepEqual(cli.stdout.json, [record, unpriced, sum])
      assert.equal(cli.stderr.text, '')
    })

    it('takes no option that it would not heed', async () => {
      assert.equal(await cli.kith('budget', 'export', '--peer', 'bob'), 2)
      assert.deepEqual(cli.calls, [])
    })

    it('exits 1 and says so when the ledger has more', async () => {
      cli.costItems = [record, { ...sum, ledger: { ...spent, calls: 9 }, complete: false }]
      assert.equal(await cli.kith('budget', 'export'), 1)
      assert.match(cli.stderr.text, /the ledger has 9 calls.*no longer kept/)
    })

    it('fails when the node goes away before the sum', async () => {
      cli.costItems = [record]
      assert.equal(await cli.kith('budget', 'export'), 75)
      assert.match(cli.stderr.text, /before it had given every record/)
    })

    for (const day of ['2026-02-30', '2026-1-1', 'today', '']) {
      it(`takes ${JSON.stringify(day)} for no date`, async () => {
        assert.equal(await cli.kith('budget', 'export', '--from', day), 2)
        assert.deepEqual(cli.calls, [])
      })
    }
  })

  it('says that no node runs, whatever is wanted', async () => {
    cli.answers = {}
    cli.costItems = [new KithError('daemon-not-running', 'no node is running', { home: '/x' })]
    assert.equal(await cli.kith('budget'), 6)
    assert.equal(await cli.kith('budget', 'export'), 6)
  })
})
