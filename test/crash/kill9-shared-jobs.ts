/**
 * Three nodes with one job list on one nats-server, and `kill -9` of any of the four at moments that a seed chooses.
 * In the end each due time had its run, once, as the rules of leases and of overlap say, and all nodes list the same.
 *
 *     node test/crash/kill9-shared-jobs.ts --kills 20 --seed 7
 */
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chance } from './chance.ts'
import { assertOncePerTime, SharedNodes } from './shared-nodes.ts'

/** Between a kill and what follows it, in ms: about as long as a lease lives. */
const MAX_DELAY_MS = 2_500

/** Runs it in a folder of its own. Throws with a command that does the same again when a promise is broken. */
export async function crashSharedJobs(init: {
  kills: number
  seed: number
}): Promise<{ runs: number; interrupted: number }> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'kith-crash-shared-')))
  const random = chance(init.seed)
  const shared = new SharedNodes(folder)
  try {
    await shared.start()
    for (let kill = 0; kill < init.kills; kill++) {
      await delay(random() * MAX_DELAY_MS)
      await killOne(shared, random)
    }
    const runs = await shared.finish()
    assertOncePerTime(runs, await shared.effects())
    await shared.kill()
    await rm(folder, { recursive: true, maxRetries: 10 })
    const interrupted = runs.filter(({ state }) => state === 'interrupted')
    return { runs: runs.length, interrupted: interrupted.length }
  } catch (err) {
    await shared.kill()
    const again = `node test/crash/kill9-shared-jobs.ts --kills ${init.kills} --seed ${init.seed}`
    throw new Error(`again: ${again}\nthe homes are in ${folder}`, { cause: err })
  }
}

/** Kills a node in the middle of a run, any node, or the server, and starts it again. */
async function killOne(shared: SharedNodes, random: () => number): Promise<void> {
  const lot = random()
  if (lot < 1 / 3) {
    await shared.server.kill()
    await delay(random() * MAX_DELAY_MS)
    await shared.server.start()
    return
  }
  const any = shared.nodes[Math.floor(random() * shared.nodes.length)]
  const node = lot < 2 / 3 ? (await shared.working()).node : any
  await node?.kill()
  await delay(random() * MAX_DELAY_MS)
  await node?.start()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { kills: { type: 'string', default: '20' }, seed: { type: 'string' } },
  })
  const seed = Number(values.seed ?? Date.now() % 1_000_000)
  const kills = Number(values.kills)
  const { interrupted, runs } = await crashSharedJobs({ kills, seed })
  process.stdout.write(
    `${kills} kills, ${runs} runs, ${interrupted} interrupted, seed ${seed}: once for each due time\n`,
  )
}
