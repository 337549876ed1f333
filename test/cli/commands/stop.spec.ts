import assert from 'node:assert/strict'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli, notRunning } from '../fake-cli.ts'
import { status } from '../reports.ts'

describe('kith stop', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  /** A node that answers so often after it was told to stop, and is then gone. */
  function stopsAfter(looks: (() => typeof status)[]): void {
    cli.answers = {
      stop: () => ({}),
      status: () => {
        const look = looks.shift()
        if (look === undefined) throw notRunning()
        return look()
      },
    }
  }

  it('waits until nobody answers', async () => {
    stopsAfter([() => status, () => status])
    assert.equal(await cli.kith('stop'), 0)
    assert.deepEqual(
      cli.calls.map(([route]) => route),
      ['stop', 'status', 'status', 'status'],
    )
    assert.match(cli.stdout.text, /^stopped after \d+ ms\n$/)
  })

  it('goes on waiting while the node refuses, or breaks off', async () => {
    stopsAfter([
      () => {
        throw new KithError('stopping', 'stopping', {})
      },
      () => {
        throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
      },
    ])
    assert.equal(await cli.kith('stop', '--json'), 0)
    const [said] = cli.stdout.json as { stopped: boolean; tookMs: number }[]
    assert.equal(said?.stopped, true)
  })

  it('gives up on a node that stays', async () => {
    cli.answers = { stop: () => ({}), status: () => status }
    assert.equal(await cli.kith('stop'), 75)
    assert.match(cli.stderr.text, /still runs/)
  })

  it('says that there is nothing to stop', async () => {
    assert.equal(await cli.kith('stop'), 6)
  })
})
