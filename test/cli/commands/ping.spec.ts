import assert from 'node:assert/strict'
import type { PingReport } from '../../../src/node/control/api.ts'
import { RefusedByPeer } from '../../../src/node/control/client.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'

function pong(rttMs: number): PingReport {
  return { peer: 'bob', rttMs, clockOffsetMs: 0, software: 'kith/0.1.0', uptimeMs: 61_000 }
}

function unreachable(): KithError {
  return new KithError('unreachable', 'bob is not reachable: refused', {
    peer: 'bob',
    reason: 'refused',
  })
}

describe('kith ping', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  /** Each ping's answer. */
  function answers(...all: (PingReport | Error)[]): void {
    cli.answers = {
      ping: () => {
        const next = all.shift()
        if (next === undefined || next instanceof Error)
          throw next ?? new TypeError('one ping too many')
        return next
      },
    }
  }

  it('prints each answer, and what they were in all', async () => {
    answers(pong(1), pong(2), pong(6))
    assert.equal(await cli.kith('ping', 'bob'), 0)
    assert.equal(
      cli.stdout.text,
      [1, 2, 6]
        .map(
          (ms, index) =>
            `bob answered ${index + 1} in ${ms} ms (kith/0.1.0, up 1 min 1 s, clock as ours)\n`,
        )
        .join(''),
    )
    assert.equal(
      cli.stderr.text,
      'kith: 3 sent, 3 answered, round trip 1 ms / 3 ms / 6 ms (least, mean, most)\n',
    )
    assert.deepEqual(cli.slept, [1_000, 1_000])
  })

  it('waits for nothing after the last one', async () => {
    answers(pong(1))
    await cli.kith('ping', 'bob', '-c', '1', '--timeout', '50')
    assert.deepEqual(cli.slept, [])
    assert.deepEqual(cli.calls, [['ping', { name: 'bob', timeoutMs: 50 }]])
  })

  it('prints an object a ping with --json', async () => {
    answers(pong(1), pong(2))
    await cli.kith('ping', 'bob', '-c', '2', '--interval', '0', '--json')
    assert.deepEqual(cli.stdout.json, [
      { seq: 1, ...pong(1) },
      { seq: 2, ...pong(2) },
    ])
  })

  const clocks: [offsetMs: number, said: string][] = [
    [900, 'clock as ours'],
    [61_000, 'clock 1 min 1 s ahead'],
    [-2_000, 'clock 2 s behind'],
  ]
  for (const [clockOffsetMs, said] of clocks) {
    it(`says "${said}" of a clock that is ${clockOffsetMs} ms off`, async () => {
      answers({ ...pong(1), clockOffsetMs })
      await cli.kith('ping', 'bob', '-c', '1')
      assert.ok(cli.stdout.text.includes(said), cli.stdout.text)
    })
  }

  it('counts those that were lost, and is well when one was answered', async () => {
    answers(unreachable(), pong(2), unreachable())
    assert.equal(await cli.kith('ping', 'bob'), 0)
    assert.match(
      cli.stderr.text,
      /^kith: 1: bob is not reachable: refused\nkith: 3: .*\nkith: 3 sent, 1 answered/,
    )
  })

  it('exits 3 when none was answered', async () => {
    answers(unreachable(), unreachable())
    assert.equal(await cli.kith('ping', 'bob', '-c', '2'), 3)
  })

  it('exits 4 at once when it is refused', async () => {
    answers(new RefusedByPeer('denied', { rule: 'allow' }))
    assert.equal(await cli.kith('ping', 'bob'), 4)
    assert.equal(cli.calls.length, 1)
  })

  it('exits 1 at once for a peer that there is not', async () => {
    answers(new KithError('unknown-peer', 'no peer is named bob', { name: 'bob' }))
    assert.equal(await cli.kith('ping', 'bob'), 1)
  })

  it('sums up at Ctrl-C', async () => {
    cli.answers = {
      ping: () => {
        cli.interrupt()
        return pong(1)
      },
    }
    assert.equal(await cli.kith('ping', 'bob', '-c', '100'), 130)
    assert.match(cli.stderr.text, /^kith: 1 sent, 1 answered/)
  })
})
