import { hex } from '../vectors/seeds.ts'
import { Random, mutate } from './random.ts'
import type { Target } from './targets.ts'

/** What broke a decoder, and how to see it again. */
export interface Finding {
  target: string
  bytes: string
  err: unknown
  /** The command that shows it. */
  replay: string
}

export interface FuzzInit {
  targets: readonly Target[]
  seed: number
  /** Asked before each input: false ends it. `inputs` counts those so far. */
  goesOn: (inputs: number) => boolean
}

/** Gives changed and random bytes to each target in turn, until one breaks or it is enough. */
export async function fuzz({ goesOn, seed, targets }: FuzzInit): Promise<Finding | undefined> {
  const random = new Random(seed)
  for (let inputs = 0; goesOn(inputs); inputs++) {
    const target = targets[inputs % targets.length]
    if (target === undefined) throw new TypeError('no target')
    const bytes = inputOf(random, target)
    const finding = await attempt(target, bytes, random)
    if (finding !== undefined) return finding
  }
  return undefined
}

/** Gives a target one input. The finding, if it breaks. */
export async function attempt(
  target: Target,
  bytes: Uint8Array,
  random: Random,
): Promise<Finding | undefined> {
  try {
    await target.check(bytes, random)
    return undefined
  } catch (err) {
    const shown = hex(bytes)
    const replay = `node test/fuzz/decoders.ts --target ${target.name} --replay ${shown}`
    return { target: target.name, bytes: shown, err, replay }
  }
}

function inputOf(random: Random, { corpus }: Target): Uint8Array {
  if (random.below(16) === 0) return random.bytes(random.below(128))
  return mutate(random, random.of(corpus), random.of(corpus))
}
