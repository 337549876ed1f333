// Start-up beside bare Node: `node bench/startup.ts [--rounds 15] [--json FILE] [kith command …]`.
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { exitMs, readyMs, type Command } from './run/command.ts'
import { median, percentile, rotated } from './run/statistics.ts'
import { figure, textTable } from './run/text-table.ts'

/** Something that starts, and how long it took in each round. */
interface Start {
  name: string
  /** One start, in ms. */
  measure: () => Promise<number>
  tries: number[]
}

const BARE = 'node -e 0'

function bareNode(): Start {
  return start(BARE, () => exitMs([process.execPath, '-e', '0']))
}

/** What is timed of the CLI that `kith` runs, such as `node bin/kith.js`. */
function kithStarts(kith: Command): Start[] {
  return [
    start('kith --version', () => exitMs([...kith, '--version'])),
    start('kith peers list', () => exitMs([...kith, 'peers', 'list'])),
    start('kith start, until READY', () => readyMs([...kith, 'start'])),
  ]
}

function start(name: string, measure: () => Promise<number>): Start {
  return { name, measure, tries: [] }
}

/** Takes every start in turn, `rounds` times, and one time before that which does not count. */
async function measure(starts: readonly Start[], rounds: number): Promise<void> {
  for (const { measure } of starts) await measure()
  for (let round = 0; round < rounds; round++) {
    for (const { measure, tries } of rotated(starts, round)) tries.push(await measure())
  }
}

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, json: { type: 'string' } },
  allowPositionals: true,
})
const [file, ...args] = positionals
const starts = [bareNode(), ...(file === undefined ? [] : kithStarts([file, ...args]))]
if (file === undefined) console.error('NOT MEASURED: kith; give the command that runs it')
await measure(starts, Number(values.rounds))

const bareMs = median(starts[0]?.tries ?? []) ?? NaN
const results = starts.map(({ name, tries }) => {
  const medianMs = median(tries) ?? NaN
  return { name, medianMs, p90Ms: percentile(tries, 0.9), overBareMs: medianMs - bareMs, tries }
})
const rows = results.map(({ name, medianMs, p90Ms, overBareMs }) => [
  name,
  figure(medianMs),
  figure(p90Ms),
  name === BARE ? '' : figure(overBareMs),
])
console.log(textTable(['command', 'median ms', 'p90 ms', 'over bare Node'], rows))
if (values.json !== undefined) {
  await writeFile(
    values.json,
    `${JSON.stringify({ node: process.version, results }, undefined, 2)}\n`,
  )
}
