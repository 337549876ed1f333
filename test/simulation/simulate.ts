/*
 * Whole meshes in simulated time, in which a seed decides what happens:
 *
 *     npm run simulate -- --seeds 10000 [--from 1]
 *     npm run simulate -- --seed 7 [--trace]
 *
 * The first seed under which something does not hold is printed with the command that shows it again, and the exit
 * code is 1.
 */
import { parseArgs } from 'node:util'
import { SeedFailure, runSeed } from './run-seed.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
})
const first = Number(values.seed ?? values.from)
const count = values.seed === undefined ? Number(values.seeds) : 1
const begun = performance.now()
try {
  let asks = 0
  for (let seed = first; seed < first + count; seed++) {
    const result = await runSeed({ seed, ...(values.trace ? { print: console.log } : {}) })
    asks += result.asks
    if (count === 1) console.log(`trace ${result.trace}`)
  }
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1)
  console.log(`${count} seeds, ${asks} asks, ${seconds} s: all holds`)
} catch (err) {
  if (!(err instanceof SeedFailure)) throw err
  console.error(err.message)
  console.error(err.cause)
  process.exitCode = 1
}
