import { ASK_ACTIONS } from './actions/asks.ts'
import { FAULT_ACTIONS } from './actions/faults.ts'
import { HEADLESS_ACTIONS, finishRotations } from './actions/headless.ts'
import { KEY_ACTIONS } from './actions/keys.ts'
import { answerThieves, settleFrozen } from './actions/owners.ts'
import { PAIRING_ACTIONS } from './actions/pairing.ts'
import { PIN_ACTIONS, rowFor } from './actions/pins.ts'
import { RECOVERY_ACTIONS } from './actions/recovery.ts'
import { STRANGER_ACTIONS } from './actions/strangers.ts'
import { STEAL, THIEF_ACTIONS } from './actions/thieves.ts'
import { choose } from './action.ts'
import { INVARIANTS } from './invariants.ts'
import { assertExpired, isWaiting } from './invariants/pairing.ts'
import type { Plant } from './plant.ts'
import { unrestOf } from './unrest.ts'
import { World } from './world.ts'

const ACTIONS = [
  ...ASK_ACTIONS,
  ...FAULT_ACTIONS,
  ...PIN_ACTIONS,
  ...KEY_ACTIONS,
  ...PAIRING_ACTIONS,
  ...STRANGER_ACTIONS,
  ...HEADLESS_ACTIONS,
  ...RECOVERY_ACTIONS,
]

/** In so many worlds, one has thieves. */
const THIEVES_IN = 3

/** So much happens before all is left to come to rest. */
const MIN_ACTIONS = 20
const MAX_ACTIONS = 60

/** Most time between two actions, in ms: mostly they follow closely. */
const CLOSE_MS = 200
const APART_MS = 3_000
const FAR_MS = 20_000

/** Time in which a mesh that nobody disturbs comes to rest: the dialer's longest wait, twice. */
const REST_MS = 1_200_000

/** By then owners talk with each other about what their nodes cannot decide. */
const SETTLE_MS = 300_000

/** What was asked under a clock that was far ahead may wait until that time comes. */
const LONG_MS = 4 * 86_400_000

/** By then every invite has expired, and the time is over in which a pairing that was begun may end. */
const EXPIRED_MS = 20 * 86_400_000

/** A joiner is at its next try by then: the longest backoff, what chance adds to it, and the visit before it. */
const LAST_TRY_MS = 680_000

/** Time in which a node stops that need not wait for its asks. */
const STOP_MS = 10_000

/** A dial that was begun has come to its end by then. */
const DIAL_MS = 10_000

/** How often it is asked whether it has. */
const REST_CHECK_MS = 1_000

export interface SeedInit {
  seed: number
  /** Gets each line of the trace. */
  print?: (line: string) => void
  /** Something that is broken. */
  plant?: Plant
}

export interface SeedResult {
  /** SHA-256 of the trace. */
  trace: string
  /** Simulated time, in ms. */
  tookMs: number
  asks: number
  /** How often what has come about. */
  tallies: ReadonlyMap<string, number>
}

/** Lives through what this seed decides. @throws {SeedFailure} */
export async function runSeed({ plant, print, seed }: SeedInit): Promise<SeedResult> {
  const world = new World({ seed, ...(print === undefined ? {} : { print }) })
  const { ambient, ledger, scheduler, trace } = world
  const begunAt = scheduler.now
  const restore = ambient.install()
  const heal = plant?.put(world)
  for (const { onSend } of INVARIANTS) {
    if (onSend !== undefined)
      world.sightings.push((sent) => {
        failing(world, () => {
          onSend(world, sent)
        })
      })
  }
  const onRejection = (err: unknown): void => {
    world.fail(err)
  }
  process.on('unhandledRejection', onRejection)
  try {
    await disturb(world)
    await rest(world)
    const tookMs = scheduler.now - begunAt
    return { trace: trace.digest(), tookMs, asks: ledger.sent.length, tallies: world.tallies }
  } catch (err) {
    throw new SeedFailure(seed, trace.last, err)
  } finally {
    for (const node of world.nodes) node.crash(false)
    await ambient.end()
    process.off('unhandledRejection', onRejection)
    heal?.()
    restore()
  }
}

/** A seed under which something did not hold. */
export class SeedFailure extends Error {
  override readonly name = 'SeedFailure'

  constructor(seed: number, last: readonly string[], cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    super(
      `seed ${seed}: ${why}\n\n${last.join('\n')}\n\n` +
        `again: npm run simulate -- --seed ${seed} --trace`,
      { cause },
    )
  }
}

/** Starts the nodes, pinned as chance has it, and lets things happen to them. */
async function disturb(world: World): Promise<void> {
  const { nodes, random, scheduler } = world
  pinByChance(world)
  for (const node of nodes) node.start()
  const thieves = random.below(THIEVES_IN) === 0 || world.robbed
  if (thieves) STEAL.begin(world)
  const actions = thieves ? [...ACTIONS, ...THIEF_ACTIONS] : ACTIONS
  for (let left = MIN_ACTIONS + random.below(MAX_ACTIONS - MIN_ACTIONS); left > 0; left--) {
    const kind = random.below(10)
    const most = kind < 6 ? CLOSE_MS : kind < 9 ? APART_MS : FAR_MS
    await until(world, scheduler.now + random.below(most))
    choose(actions, world).begin(world)
    await ambientOf(world)
  }
}

/** Pins the nodes with each other, most of them on both sides; some know nothing of each other. */
function pinByChance({ keepers, ledger, nodes, random }: World): void {
  const apart = new Set<string>()
  for (const [at, a] of nodes.entries()) {
    for (const b of nodes.slice(at + 1)) {
      const close = keepers.get(a) === b || keepers.get(b) === a
      if (!close && random.below(4) === 0)
        apart.add(`${a.name} ${b.name}`).add(`${b.name} ${a.name}`)
    }
  }
  for (const node of nodes) {
    const others = nodes.filter((other) => {
      return other !== node && !apart.has(`${node.name} ${other.name}`) && random.below(10) > 0
    })
    for (const other of others) ledger.noteEdit(node, other)
    node.peers.set(
      others.map((other) => rowFor(other, random.below(5) > 0, keepers.get(other) === node)),
    )
  }
}

/** Puts everything right that was wrong, and waits until nothing is left to do. @throws what does not hold then */
async function rest(world: World): Promise<void> {
  const { network, nodes, random, scheduler } = world
  world.note('all', 'quiet')
  network.heal()
  world.thieving = false
  // Half of the meshes have to find together as they are.
  const anew = random.below(2) === 0
  world.quietAt = scheduler.now + (anew ? 0 : DIAL_MS)
  for (const node of nodes) {
    if (anew) node.crash(false)
    node.setClock(world.goneMs)
    node.start()
  }
  const end = scheduler.now + REST_MS
  for (;;) {
    await until(world, scheduler.now + REST_CHECK_MS)
    for (const node of nodes) node.start()
    finishRotations(world)
    answerThieves(world)
    if (scheduler.now >= end - REST_MS + SETTLE_MS) settleFrozen(world)
    const unrest = await unrestOf(world)
    if (unrest === undefined) break
    if (scheduler.now >= end) throw new Error(`no rest: ${unrest}`)
    if (scheduler.now >= end - REST_MS / 2)
      for (const node of nodes) node.skip(world.goneMs + LONG_MS)
  }
  for (const { atRest } of INVARIANTS) await atRest?.(world)
  await expire(world)
  world.ending = true
  for (const node of nodes) node.stop(0)
  await until(world, scheduler.now + STOP_MS)
  for (const { down, name } of nodes) if (!down) throw new Error(`${name} does not stop`)
}

/** Lets so much time go by that no invite is good any more. @throws what does not hold then */
async function expire(world: World): Promise<void> {
  const { nodes, scheduler } = world
  if (!isWaiting(world)) return
  for (const node of nodes) node.setClock(world.goneMs + EXPIRED_MS)
  await until(world, scheduler.now + LAST_TRY_MS)
  assertExpired(world)
}

/** Lets happen what is due until then. */
async function until(world: World, at: number): Promise<void> {
  const { scheduler } = world
  while ((scheduler.nextAt ?? Infinity) <= at) await step(world)
  scheduler.pass(at)
}

async function step(world: World): Promise<void> {
  await world.step()
  check(world)
}

async function ambientOf(world: World): Promise<void> {
  await world.ambient.settle()
  check(world)
}

function check(world: World): void {
  for (const { always } of INVARIANTS) always?.(world)
}

/** What nodes do meets no error of ours: it ends the simulation instead. */
function failing(world: World, check: () => void): void {
  try {
    check()
  } catch (err) {
    world.fail(err)
  }
}
