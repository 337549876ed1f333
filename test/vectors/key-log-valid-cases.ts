import {
  BEGAN_AT,
  commitment,
  inception,
  publicKey,
  recovered,
  retired,
  rotated,
} from './key-log-events.ts'
import type { Branch } from './key-log-events.ts'
import { hex, seedOf, sha256 } from './seeds.ts'

/** How a log is made, step by step. Keys are the names of their seeds. */
type Step =
  | { t: 'icp'; w?: number; at?: number }
  | { t: 'rot'; why?: 'compromise'; grace?: number; lastGood?: number }
  | { t: 'rec' }
  | { t: 'end'; by?: 'recovery' }

const COMPROMISE = { why: 'compromise', grace: 0 } as const

const CASES: [name: string, ...steps: Step[]][] = [
  ['an inception', { t: 'icp' }],
  ['shortest window', { t: 'icp', w: 1 }],
  ['longest window', { t: 'icp', w: 720 }],
  ['at the epoch', { t: 'icp', at: 0 }],
  ['at the last time', { t: 'icp', at: 8_640_000_000_000_000 }],
  ['a rotation', { t: 'icp' }, { t: 'rot' }],
  ['a rotation without grace', { t: 'icp' }, { t: 'rot', grace: 0 }],
  ['a rotation with the longest grace', { t: 'icp' }, { t: 'rot', grace: 604_800 }],
  ['a rotation by a clock that went back', { t: 'icp', at: 2 * BEGAN_AT }, { t: 'rot' }],
  ['a rotation after a compromise', { t: 'icp' }, { t: 'rot', ...COMPROMISE }],
  ['lastGood at the epoch', { t: 'icp' }, { t: 'rot', ...COMPROMISE, lastGood: 0 }],
  [
    'lastGood when it was made',
    { t: 'icp' },
    { t: 'rot', ...COMPROMISE, lastGood: BEGAN_AT + 60_000 },
  ],
  ['three rotations', { t: 'icp' }, { t: 'rot' }, { t: 'rot', ...COMPROMISE }, { t: 'rot' }],
  ['a recovery', { t: 'icp' }, { t: 'rec' }],
  ['a recovery after a rotation', { t: 'icp' }, { t: 'rot' }, { t: 'rec' }],
  ['a recovery after a recovery', { t: 'icp' }, { t: 'rec' }, { t: 'rec' }],
  ['a rotation after a recovery', { t: 'icp', w: 24 }, { t: 'rec' }, { t: 'rot' }],
  ['an end', { t: 'icp' }, { t: 'end' }],
  ['an end by the recovery key', { t: 'icp' }, { t: 'end', by: 'recovery' }],
  ['an end after a rotation', { t: 'icp' }, { t: 'rot' }, { t: 'end' }],
  [
    'as many rotations as there can be, a recovery and an end',
    { t: 'icp' },
    ...Array.from({ length: 61 }, (): Step => ({ t: 'rot', ...COMPROMISE })),
    { t: 'rec' },
    { t: 'end' },
  ],
  ['an end after a recovery', { t: 'icp' }, { t: 'rec' }, { t: 'end', by: 'recovery' }],
]

/** Valid logs: how they are made, their events, and what they say. */
export function validLogs(): Promise<unknown[]> {
  return Promise.all(CASES.map(([name, ...steps]) => validLog(name, steps)))
}

async function validLog(name: string, steps: Step[]): Promise<unknown> {
  let branch: Branch | undefined
  let rotation: unknown
  const made: unknown[] = []
  for (const step of steps) {
    const before = branch
    branch = await extended(before, step)
    rotation = before === undefined ? undefined : await rotationOf(step, before)
    made.push(described(step, branch))
  }
  if (branch === undefined) throw new TypeError('no step')
  const [first, last] = [steps[0], steps.at(-1)]
  return {
    name,
    made,
    events: branch.events,
    state: {
      id: branch.id,
      sn: steps.length - 1,
      head: hex(sha256(branch.last)),
      keyInForce: last?.t === 'end' ? undefined : hex(await publicKey(branch.key)),
      nextCommitment: hex(await commitment(branch.rotation)),
      recoveryCommitment: hex(await commitment(branch.recovery)),
      windowHours: (first?.t === 'icp' ? first.w : undefined) ?? 72,
      rotated: rotation,
    },
  }
}

function extended(before: Branch | undefined, step: Step): Promise<Branch> {
  const { t, ...change } = step
  if (before === undefined) return inception(change)
  if (t === 'rec') return recovered(before)
  if (t === 'end') return retired(before, step.by === 'recovery' ? before.recovery : before.rotation)
  return rotated(before, { change })
}

async function rotationOf(step: Step, before: Branch): Promise<unknown> {
  const at = BEGAN_AT + before.events.length * 60_000
  const key = hex(await publicKey(before.key))
  if (step.t === 'rec') return { before: key, why: 'recovery', graceSeconds: 0, at }
  if (step.t !== 'rot') return undefined
  const { why = 'routine', grace = 86_400, lastGood } = step
  return { before: key, why, graceSeconds: grace, at, lastGoodAt: lastGood }
}

/** A step with the seeds that it brings in, for whoever makes the log again. */
function described(step: Step, after: Branch): unknown {
  const sn = after.events.length - 1
  const at = BEGAN_AT + sn * 60_000
  const seed = hex(seedOf(after.key))
  const rotationSeed = hex(seedOf(after.rotation))
  const recoverySeed = hex(seedOf(after.recovery))
  if (step.t === 'icp') return { at, w: 72, seed, rotationSeed, recoverySeed, ...step }
  if (step.t === 'rot') return { at, why: 'routine', grace: 86_400, seed, rotationSeed, ...step }
  if (step.t === 'rec') return { at, seed, rotationSeed, recoverySeed, ...step }
  return { at, by: 'rotation', ...step }
}
