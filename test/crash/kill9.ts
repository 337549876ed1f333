/**
 * Two nodes, asks between them, and `kill -9` at moments that a seed chooses. In the end, what was promised holds: each ask
 * has one final, ran at most once, and nothing acknowledged is lost.
 *
 *     node test/crash/kill9.ts --points 500 --seed 7
 */
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { uuidV7 } from '../../src/protocol/uuid.ts'
import { LiveNode } from '../helpers/live-node.ts'
import { chance } from './chance.ts'
import { assertKept } from './evidence.ts'
import type { SentAsk } from './evidence.ts'

export interface CrashInit {
  /** Kills. */
  points: number
  seed: number
  /** Hears of the progress. */
  onPoint?: (point: number, asks: number) => void
}

/** An answer of `remember` takes some 10 ms, from the asker's first write to its last. */
const MAX_DELAY_MS = 60

/** A start takes some 300 ms. */
const MAX_START_DELAY_MS = 300

/** Every so many points, all answers are waited for. */
const CHECKPOINT = 10

interface World {
  alice: LiveNode
  bob: LiveNode
  sent: SentAsk[]
  random: () => number
}

/** Runs it in a folder of its own. Throws with a command that runs the same again when a promise is broken. */
export async function crash({ points, seed, onPoint }: CrashInit): Promise<{ asks: number }> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'kith-crash-')))
  const world: World = { ...(await makeNodes(folder)), sent: [], random: chance(seed) }
  const { alice, bob, sent } = world
  try {
    for (let point = 1; point <= points; point++) {
      await oneKill(world)
      if (point % CHECKPOINT === 0 || point === points) await takeFinals(world)
      onPoint?.(point, sent.length)
    }
    await Promise.all([alice.stop(), bob.stop()])
    await assertKept(sent, alice, bob)
    await rm(folder, { recursive: true })
    return { asks: sent.length }
  } catch (err) {
    const again = `node test/crash/kill9.ts --points ${points} --seed ${seed}`
    throw new Error(`again: ${again}\nthe stores are in ${folder}`, { cause: err })
  } finally {
    await Promise.all([alice.kill(), bob.kill()])
  }
}

async function makeNodes(folder: string): Promise<{ alice: LiveNode; bob: LiveNode }> {
  const [alice, bob] = [await LiveNode.make(folder, 'alice'), await LiveNode.make(folder, 'bob')]
  const ask = { preset: 'write', per_minute: 1_000_000, parallel: 3, queue: 1_000_000 }
  await alice.pin(bob)
  await bob.pin(alice, { allow: ['ask'], calls_per_minute: 1_000_000, ask })
  await bob.start()
  await alice.start()
  await alice.linkedTo(bob)
  return { alice, bob }
}

/** Some asks, and the end of one node or both while they are under way. */
async function oneKill(world: World): Promise<void> {
  const { alice, bob, random } = world
  const submits = Array.from({ length: 1 + Math.floor(random() * 4) }, () => submit(world))
  await delay(random() * MAX_DELAY_MS)
  const which = random()
  const victims = which < 0.4 ? [alice] : which < 0.8 ? [bob] : [alice, bob]
  await Promise.all(victims.map((node) => node.kill()))
  await Promise.all(submits)
  for (const node of victims) {
    // Some starts are cut short as well.
    if (random() < 0.15) {
      void node.launch()
      await delay(random() * MAX_START_DELAY_MS)
      await node.kill()
    }
  }
  await Promise.all(victims.map((node) => node.start()))
}

async function submit({ alice, bob, random, sent }: World): Promise<void> {
  const id = uuidV7(Date.now(), bytesOf(random))
  const count = 1 + Math.floor(random() * 20)
  const kind = random()
  const one: SentAsk = {
    ask: id,
    ...(kind < 0.6
      ? { text: `remember ${id}`, answer: 'Remembered.\n' }
      : kind < 0.8
        ? { text: `echo ${id}`, answer: id }
        : { text: `count ${count}`, answer: numbersTo(count) }),
    acknowledged: false,
  }
  const wait = random() < 0.8
  sent.push(one)
  // A submit that was cut may have come through or not: only the store knows.
  await alice.submit(bob, one.text, { ask: id, wait }).then(
    () => {
      one.acknowledged = true
    },
    () => undefined,
  )
}

/** Waits until every ask that is known to the asker has its answer. */
async function takeFinals({ alice, sent }: World): Promise<void> {
  for (const one of sent) {
    if (one.final !== undefined) continue
    const answer = await alice.answer(one.ask).catch((err: unknown) => {
      if (one.acknowledged) throw err
      return undefined
    })
    if (answer !== undefined) one.final = answer.final
  }
}

function numbersTo(last: number): string {
  return Array.from({ length: last }, (_, index) => `${index + 1}\n`).join('')
}

function bytesOf(random: () => number): Uint8Array {
  return Uint8Array.from({ length: 10 }, () => Math.floor(random() * 256))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { points: { type: 'string', default: '500' }, seed: { type: 'string' } },
  })
  const seed = Number(values.seed ?? Date.now() % 1_000_000)
  const points = Number(values.points)
  const { asks } = await crash({
    points,
    seed,
    onPoint: (point, total) => {
      process.stdout.write(`\r${point} of ${points} kills, ${total} asks`)
    },
  })
  process.stdout.write(`\n${points} kills, ${asks} asks, seed ${seed}: all promises kept\n`)
}
