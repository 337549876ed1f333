import assert from 'node:assert/strict'
import { crashJobs } from './kill9-jobs.ts'

const POINTS = 20

describe('a scheduler that is killed', () => {
  it(`has one result of each run, or none, through ${POINTS} kills`, async function () {
    this.timeout(120_000)
    const { runs } = await crashJobs({ points: POINTS, seed: Date.now() % 1_000_000 })
    assert.ok(runs >= POINTS, `${runs} runs`)
  })
})
