import assert from 'node:assert/strict'
import type { BreakerReport } from '../../../src/node/control/api.ts'
import { timeText } from '../../../src/cli/time-text.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'

const AT = 1_790_000_000_000
const NAME = 'provider openrouter'

const open: BreakerReport = {
  name: NAME,
  state: 'open',
  failures: 5,
  openedAt: AT,
  nextProbeAt: AT + 30_000,
}
const closed: BreakerReport = { name: NAME, state: 'closed', failures: 0 }

describe('kith breaker', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers = {
      breakers: () => [open, { ...closed, name: 'provider lab' }],
      resetBreaker: () => ({ before: open, after: closed }),
    }
  })

  it('lists each with its state and its next try', async () => {
    assert.equal(await cli.kith('breaker', 'list'), 0)
    const next = timeText(AT + 30_000)
    assert.match(cli.stdout.text, new RegExp(`^provider openrouter +open +5 +${next}$`, 'm'))
    assert.match(cli.stdout.text, /^provider lab +closed +0 +-$/m)
  })

  it('says when there is none, and has all as JSON', async () => {
    await cli.kith('breaker', 'list', '--json')
    cli.answers.breakers = () => []
    await cli.kith('breaker', 'list')
    const [json = '', none] = cli.stdout.text.split('\n')
    assert.deepEqual(JSON.parse(json), [open, { ...closed, name: 'provider lab' }])
    assert.equal(none, 'no breakers')
  })

  it('resets one, and says how it was and how it is', async () => {
    assert.equal(await cli.kith('breaker', 'reset', NAME), 0)
    assert.deepEqual(cli.calls, [['resetBreaker', { name: NAME }]])
    assert.equal(cli.stdout.text, 'provider openrouter: was open, is closed\n')
  })

  it('has both states as JSON', async () => {
    assert.equal(await cli.kith('breaker', 'reset', NAME, '--json'), 0)
    assert.deepEqual(cli.stdout.json, [{ before: open, after: closed }])
  })

  it('fails for a name that there is not', async () => {
    cli.answers.resetBreaker = ({ name }) => {
      throw new KithError('unknown-breaker', `no breaker is named ${name}`, { name })
    }
    assert.equal(await cli.kith('breaker', 'reset', 'x'), 1)
  })

  for (const args of [['list'], ['reset', NAME]]) {
    it(`${args[0] ?? ''} exits 6 without a node, and changes nothing`, async () => {
      cli.answers = {}
      assert.equal(await cli.kith('breaker', ...args), 6)
      assert.equal(cli.stdout.text, '')
      assert.match(cli.stderr.text, /no node is running/)
    })
  }
})
