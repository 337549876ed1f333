// Start-up beside bare Node: `node bench/startup.ts [--rounds 15] [--json FILE]`. Wants `npm run build` before it.
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { exitMs, readyMs, type Command } from './run/command.ts'
import { fullHome, silence } from '../test/helpers/startup-homes.ts'
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

/** What is timed of `kith`, as it runs from the sources or from the bundle that is published. */
function kithStarts(from: string, kith: Command, full: string): Start[] {
  return [
    start(`${from}: kith --version`, () => exitMs([...kith, '--version'])),
    start(`${from}: kith id`, () => exitMs([...kith, 'id'])),
    start(`${from}: kith start, until ready`, () => readyMs([...kith, 'start', '--json'])),
    start(`${from}: … with a model, MCP, jobs, HTTP and 20 peers, none of which answers`, () =>
      readyMs([...kith, '--home', full, 'start', '--json']),
    ),
  ]
}

/** A folder with what `npm install` puts in place: the launcher, the bundle, and the packages that stay outside it. */
async function installed(folder: string): Promise<Command> {
  for (const name of ['bin', 'dist', 'package.json']) {
    await cp(name, join(folder, name), { recursive: true })
  }
  await symlink(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'))
  return [process.execPath, join(folder, 'bin', 'kith.js')]
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

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, json: { type: 'string' } },
})
const folder = await mkdtemp(join(tmpdir(), 'kith-startup-'))
process.env['KITH_HOME'] = join(folder, 'home')
const checkout: Command = [process.execPath, join('bin', 'kith.js')]
const published = await installed(folder)
await exitMs([...published, 'init', '--clear', '--listen', '/ip4/127.0.0.1/tcp/0'])
// Whatever the second home needs of others hangs: none of that may delay it.
const hanging = await silence()
const { path: full } = await fullHome(join(folder, 'full'), hanging.port, 20)
const starts = [
  bareNode(),
  ...kithStarts('dist', published, full),
  ...kithStarts('src', checkout, full),
]
await measure(starts, Number(values.rounds))
await hanging.close()
await rm(folder, { recursive: true })

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
