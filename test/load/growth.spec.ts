import { tempFolder } from '../helpers/temp-folder.ts'
import { grow } from './growth-run.ts'

/** A share of `npm run growth`, which lives 30 days at ten times the load. */
const DAYS = 3
const FACTOR = 1

describe('what a node keeps', () => {
  const folder = tempFolder()

  it(`F63: has every class under its cap after ${DAYS} days, and nothing that waits is gone unsaid`, async () => {
    await grow({ folder: folder(), days: DAYS, factor: FACTOR, restartDays: 2 })
  }).timeout(120_000)
})
