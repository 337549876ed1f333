/*
 * Feeds every decoder that a stranger or a peer can reach with broken bytes, for as long as one likes:
 *
 *     node test/fuzz/decoders.ts --seconds 3600 --seed 7 [--target messages]
 *
 * What breaks one is printed with the command that shows it again, and the exit code is 1.
 */
import { parseArgs } from 'node:util'
import { fromHex } from '../vectors/seeds.ts'
import { attempt, fuzz } from './fuzz.ts'
import type { Finding } from './fuzz.ts'
import { Random } from './random.ts'
import { TARGETS } from './targets.ts'

const REPORT_MS = 60_000

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
    target: { type: 'string' },
    replay: { type: 'string' },
  },
})
const targets = TARGETS.filter(({ name }) => values.target === undefined || name === values.target)
if (targets.length === 0) {
  throw new TypeError(`no target ${values.target ?? ''}: ${TARGETS.map(({ name }) => name).join()}`)
}
const seed = Number(values.seed)
const finding = values.replay === undefined ? await run() : await replay(values.replay)
if (finding !== undefined) {
  console.error(finding.err)
  console.error(`${finding.target} breaks; to see it again:\n  ${finding.replay}`)
  process.exitCode = 1
}

async function run(): Promise<Finding | undefined> {
  const seconds = Number(values.seconds)
  console.log(`seed ${seed}, ${seconds} s: ${targets.map(({ name }) => name).join(', ')}`)
  const begun = performance.now()
  let reportAt = begun + REPORT_MS
  let count = 0
  const found = await fuzz({
    targets,
    seed,
    goesOn: (inputs) => {
      count = inputs
      // The clock is read now and then only: it costs as much as an input.
      if (inputs % 1_000 !== 0) return true
      const now = performance.now()
      if (now >= reportAt) {
        reportAt += REPORT_MS
        report(inputs, now - begun)
      }
      return now - begun < seconds * 1_000
    },
  })
  report(count, performance.now() - begun)
  return found
}

/** Cuts of frames are by chance: many of them are tried. */
async function replay(bytes: string): Promise<Finding | undefined> {
  const random = new Random(seed)
  for (const target of targets) {
    for (let tries = 0; tries < 1_000; tries++) {
      const found = await attempt(target, fromHex(bytes), random)
      if (found !== undefined) return found
    }
  }
  console.log('it breaks nothing')
  return undefined
}

function report(inputs: number, ms: number): void {
  const megabytes = Math.round(process.memoryUsage.rss() / 2 ** 20)
  console.log(`${inputs} inputs in ${Math.round(ms / 1_000)} s, ${megabytes} MiB`)
}
