import assert from 'node:assert/strict'
import { MAX_TRIES, retryAfterMs, retryWaitMs } from '../../../../src/agent/engines/model/retry.ts'

const NOW = Date.UTC(2026, 10, 21, 8)

describe('the wait before a model is called again', () => {
  const situation = {
    tries: 1,
    retryAfterMs: undefined,
    now: NOW,
    deadlineAt: NOW + 60_000,
    maxWaitMs: 30_000,
    random: 0.5,
  }
  const cases: [changes: Partial<Parameters<typeof retryWaitMs>[0]>, waitMs: number | undefined][] =
    [
      [{}, 500],
      [{ tries: 2 }, 1_000],
      [{ tries: MAX_TRIES }, undefined],
      [{ retryAfterMs: 0 }, 500],
      [{ retryAfterMs: 30_000 }, 30_000],
      [{ retryAfterMs: 30_001 }, undefined],
      [{ retryAfterMs: 5_000, deadlineAt: NOW + 5_001 }, 5_000],
      [{ retryAfterMs: 5_000, deadlineAt: NOW + 5_000 }, undefined],
      [{ deadlineAt: NOW }, undefined],
      [{ random: 0 }, 450],
    ]
  for (const [changes, waitMs] of cases) {
    it(`is ${waitMs ?? 'none'} for ${JSON.stringify(changes)}`, () => {
      assert.equal(retryWaitMs({ ...situation, ...changes }), waitMs)
    })
  }
})

describe('the wait that a provider asks for', () => {
  const cases: [headers: Record<string, string>, ms: number | undefined][] = [
    [{}, undefined],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '12' }, 12_000],
    [{ 'retry-after': '1.5' }, 1_500],
    [{ 'retry-after-ms': '250', 'retry-after': '9' }, 250],
    [{ 'retry-after-ms': '0.4' }, 1],
    [{ 'retry-after-ms': 'soon', 'retry-after': '9' }, 9_000],
    [{ 'retry-after': 'Sat, 21 Nov 2026 08:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Saturday, 21-Nov-26 08:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Sat, 21 Nov 2026 07:00:00 GMT' }, 0],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': '1e9' }, undefined],
    [{ 'retry-after': '2026' }, 2_026_000],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': 'Someday, maybe' }, undefined],
    [{ 'retry-after': '' }, undefined],
  ]
  for (const [headers, ms] of cases) {
    it(`is ${ms ?? 'unknown'} for ${JSON.stringify(headers)}`, () => {
      assert.equal(retryAfterMs(headers, NOW), ms)
    })
  }
})
