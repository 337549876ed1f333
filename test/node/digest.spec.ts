import assert from 'node:assert/strict'
import { goneOf, runsOf } from '../../src/node/digest.ts'

const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 10, 21, 9)

describe('digest', () => {
  const PEERS: [name: string, state: string, lastOkAt: number | undefined, gone: boolean][] = [
    ['well', 'green', NOW - 30 * DAY_MS, false],
    ['away for a day', 'unreachable', NOW - DAY_MS, false],
    ['away for a week', 'unreachable', NOW - 7 * DAY_MS, true],
    ['never seen, and pinned long ago', 'never-seen', undefined, true],
    ['that refuses', 'denied', NOW - 30 * DAY_MS, false],
  ]
  for (const [name, state, lastOkAt, gone] of PEERS) {
    it(`G09: tells ${gone ? 'of' : 'nothing of'} a peer ${name}`, () => {
      const last = lastOkAt === undefined ? {} : { lastOkAt }
      const found = goneOf([{ name: 'nas', state, since: NOW - 40 * DAY_MS, ...last }], NOW)
      const told = lastOkAt === undefined ? {} : { lastAt: lastOkAt }
      assert.deepEqual(found, gone ? [{ peer: 'nas', ...told }] : [])
    })
  }

  it('G09: tells nothing of a peer that was pinned just now', () => {
    assert.deepEqual(goneOf([{ name: 'nas', state: 'never-seen', since: NOW - DAY_MS }], NOW), [])
  })

  it('G09: counts runs by how they ended, and names the five slowest', () => {
    const run = (nth: number, state: 'succeeded' | 'failed' | 'running', ms: number) => ({
      ...{ run: `r${nth}`, job: 'x', state, claimedAt: NOW },
      ...(state === 'running' ? {} : { finalAt: NOW + ms }),
    })
    const runs = [1, 2, 3, 4, 5, 6].map((nth) => run(nth, 'succeeded', nth * 1_000))
    const { byOutcome, slowest } = runsOf([...runs, run(7, 'failed', 500), run(8, 'running', 0)])
    assert.deepEqual(byOutcome, { succeeded: 6, failed: 1, running: 1 })
    assert.deepEqual(
      slowest.map(({ ms, run: id }) => [id, ms]),
      [6, 5, 4, 3, 2].map((nth) => [`r${nth}`, nth * 1_000]),
    )
  })
})
