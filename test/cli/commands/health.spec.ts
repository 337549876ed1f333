import assert from 'node:assert/strict'
import type { HealthReport } from '../../../src/node/control/api.ts'
import { FakeCli } from '../fake-cli.ts'

const AT = 1_790_000_000_000
const report: HealthReport = {
  ...{ status: 'degraded', version: '0.1.0', at: AT, uptimeMs: 61_000, counts: {} },
  components: [
    { name: 'store', state: 'ready', since: AT - 60_000, lastOkAt: AT - 2_000, required: true },
    {
      ...{ name: 'provider lab', state: 'error', reason: 'it \u001B[31mfails', required: false },
      since: AT - 5_000,
    },
  ],
}

describe('kith health', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers.health = () => report
  })

  it('shows each component, and why it is not well, safe for a terminal', async () => {
    assert.equal(await cli.kith('health'), 0)
    assert.match(cli.stdout.text, /^degraded, kith 0\.1\.0, up 1 min 1 s\n/)
    assert.match(cli.stdout.text, /^store +ready +1 min 0 s +2 s ago$/m)
    assert.match(cli.stdout.text, /^provider lab +error +5 s +- +it fails$/m)
  })

  it('has all of it as JSON', async () => {
    await cli.kith('health', '--json')
    assert.deepEqual(cli.stdout.json, [report])
  })

  for (const [status, code] of [
    ['healthy', 0],
    ['degraded', 0],
    ['unhealthy', 1],
  ] as const) {
    it(`exits ${code} when the node is ${status}`, async () => {
      cli.answers.health = () => ({ ...report, status })
      assert.equal(await cli.kith('health'), code)
      assert.equal(await cli.kith('health', '--json'), code)
    })
  }

  it('exits 6 where no node runs', async () => {
    delete cli.answers.health
    assert.equal(await cli.kith('health'), 6)
  })
})

describe('kith dashboard', () => {
  it('shows the link alone on its output', async () => {
    const cli = new FakeCli()
    const url = 'http://127.0.0.1:7424/#code=abc'
    cli.answers.dashboard = () => ({ url })
    assert.equal(await cli.kith('dashboard'), 0)
    assert.equal(cli.stdout.text, `${url}\n`)
    assert.match(cli.stderr.text, /five minutes, and once/)
    await cli.kith('dashboard', '--json')
    assert.match(cli.stdout.text, /\{"url":/)
  })
})
