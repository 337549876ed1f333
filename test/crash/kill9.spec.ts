import { crash } from './kill9.ts'

/** A share: `npm run crash` has 500. */
const POINTS = 6

describe('nodes that are killed', () => {
  it(`keep every promise through ${POINTS} kills`, async function () {
    this.timeout(120_000)
    await crash({ points: POINTS, seed: Date.now() % 1_000_000 })
  })
})
