import assert from 'node:assert/strict'
import { crashScheduler } from './kill9-jobs.ts'

/** A share: `npm run crash:jobs` has 500. */
const POINTS = 6

describe('a scheduler that is killed', () => {
  it(`has one result of each run, or none, through ${POINTS} kills`, async function () {
    this.timeout(120_000)
    const { runs } = await crashScheduler({ points: POINTS, seed: Date.now() % 1_000_000 })
    assert.ok(runs >= POINTS, `${runs} runs`)
  })
})
