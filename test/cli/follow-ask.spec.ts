import assert from 'node:assert/strict'
import { followAsk } from '../../src/cli/follow-ask.ts'
import type { AskStreamItem } from '../../src/node/control/api.ts'
import { isFailure, KithError } from '../../src/protocol/errors.ts'
import { FakeCli, notRunning } from './fake-cli.ts'
import { ASK, done, text } from './reports.ts'

describe('followAsk', () => {
  const never = new AbortController().signal
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  async function follow(after = 0, signal = never): Promise<AskStreamItem[]> {
    return await Array.fromAsync(followAsk(cli, ASK, after, signal))
  }

  it('gives all items through the final', async () => {
    cli.streams = [[text(1, 'a'), text(2, 'b'), done]]
    assert.deepEqual(await follow(), [text(1, 'a'), text(2, 'b'), done])
    assert.deepEqual(cli.slept, [])
  })

  it('begins after the number given', async () => {
    cli.streams = [[text(4, 'd'), done]]
    await follow(3)
    assert.deepEqual(cli.calls, [['askEvents', { ask: ASK, after: 3 }]])
  })

  const reset = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
  const breaks: [what: string, how: (AskStreamItem | Error)[]][] = [
    ['ends without a final', []],
    ['breaks', [reset]],
    ['is refused by a node that stops', [new KithError('stopping', 'stopping', {})]],
    ['finds no node', [notRunning()]],
  ]
  for (const [what, how] of breaks) {
    it(`fetches the rest by number when a stream ${what}`, async () => {
      cli.streams = [[text(1, 'a'), ...how], [notRunning()], [text(2, 'b'), done]]
      assert.deepEqual(await follow(), [text(1, 'a'), text(2, 'b'), done])
      assert.deepEqual(
        cli.calls.map(([, input]) => input),
        [0, 1, 1].map((after) => ({ ask: ASK, after })),
      )
      assert.equal(cli.stderr.text, 'kith: the node went away; waiting for it to come back\n')
    })
  }

  it('gives up after half a minute of waits, and says how to go on', async () => {
    cli.streams = [[text(1, 'a'), text(2, 'b')]]
    await assert.rejects(follow(), (err) => {
      assert.ok(isFailure(err, 'daemon-not-running'))
      assert.equal(err.hint, `kith asks attach ${ASK} --after 2`)
      return true
    })
    const waited = cli.slept.reduce((sum, ms) => sum + ms, 0)
    assert.ok(waited >= 30_000 && waited < 40_000, `${waited} ms`)
    assert.ok(Math.max(...cli.slept) <= 3_300)
  })

  it('waits as long again after something came', async () => {
    const gap = [notRunning()]
    const gaps = Array.from({ length: 10 }, () => gap)
    cli.streams = [...gaps, [text(1, 'a')], ...gaps, [text(2, 'b'), done]]
    assert.equal((await follow()).length, 3)
  })

  it('does not try again what a node refuses', async () => {
    cli.streams = [[new KithError('unknown-ask', 'no such ask', { ask: ASK })]]
    await assert.rejects(follow(), (err) => isFailure(err, 'unknown-ask'))
    assert.equal(cli.calls.length, 1)
  })

  it('ends with the reason of its signal', async () => {
    const reason = new Error('enough')
    cli.streams = [[text(1, 'a')]]
    await assert.rejects(follow(0, AbortSignal.abort(reason)), reason)
  })
})
