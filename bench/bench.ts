// Contenders side by side: `node bench/bench.ts [--quick] [--only kith,tls] [--json FILE]`.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Comparison } from './run/comparison.ts'
import { FULL, QUICK, type Plan } from './run/plan.ts'
import { runJson, runText, type Run } from './run/report.ts'
import { chosen } from './run/selection.ts'

/** Compares the contenders in `names` in processes and a folder that are gone afterwards. */
async function run(names: readonly string[], plan: Plan): Promise<Run> {
  const startedAt = new Date()
  const comparison = new Comparison()
  const dir = await mkdtemp(join(tmpdir(), 'kith-bench-'))
  try {
    await comparison.start(names, dir)
    const outcomes = await comparison.measure(plan)
    return { startedAt, seconds: (Date.now() - startedAt.getTime()) / 1_000, plan, outcomes }
  } finally {
    await comparison.stop()
    await rm(dir, { recursive: true })
  }
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'string' },
  },
})
const result = await run(chosen(values.only), values.quick ? QUICK : FULL)
console.log(runText(result))
if (values.json !== undefined) await writeFile(values.json, runJson(result))
// A contender that broke is a fault of the benchmark; one that is not installed is not.
if ([...result.outcomes.values()].some(({ status }) => status === 'failed')) process.exitCode = 1
