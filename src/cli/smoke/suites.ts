import {
  ask,
  askTooMuch,
  make,
  pair,
  ping,
  start,
  stop,
  stranger,
  takeAskAway,
} from '../demo/demo-steps.ts'
import type { Cast, DemoStep } from '../demo/demo-steps.ts'
import { check, parse, succeed } from '../demo/expect.ts'
import { backUp, drill, restore, verify } from './backup-steps.ts'
import { addJob, pauseJob, runJob } from './job-steps.ts'

/** Steps that show that one part of the program works, on three nodes. */
export interface Suite {
  name: string
  what: string
  /** Suites that have to run before it. */
  needs: readonly string[]
  steps: readonly DemoStep[]
}

/** All of them, in the order in which they run. */
export const SUITES: readonly Suite[] = [
  {
    name: 'identity',
    what: 'nodes are made, start, and keep their id when their key changes',
    needs: [],
    steps: [
      { name: 'init', run: make },
      { name: 'start', run: start },
      { name: 'rotate', run: rotate },
    ],
  },
  {
    name: 'mesh',
    what: 'two nodes pair and ping each other, and a stranger gets no answer',
    needs: ['identity'],
    steps: [
      { name: 'pair', run: pair },
      { name: 'ping', run: ping },
      { name: 'stranger', run: stranger },
    ],
  },
  {
    name: 'ask',
    what: 'an answer streams from one node to another, and what is not granted is refused',
    needs: ['identity', 'mesh'],
    steps: [
      { name: 'ask-self', run: askSelf },
      { name: 'ask', run: ask },
      { name: 'refused-by-preset', run: askTooMuch },
      { name: 'refused-by-grant', run: takeAskAway },
    ],
  },
  {
    name: 'jobs',
    what: 'a job runs, its result is kept, and a pause keeps it from running',
    needs: ['identity'],
    steps: [
      { name: 'add', run: addJob },
      { name: 'run', run: runJob },
      { name: 'pause', run: pauseJob },
    ],
  },
  {
    name: 'backup',
    what: 'a backup is made, verified, tried out and restored',
    needs: ['identity'],
    steps: [
      { name: 'backup', run: backUp },
      { name: 'verify', run: verify },
      { name: 'drill', run: drill },
      { name: 'restore', run: restore },
    ],
  },
  {
    name: 'doctor',
    what: 'every check of a running node passes',
    needs: ['identity'],
    steps: [{ name: 'doctor', run: doctor }],
  },
]

/** The steps of these suites, and of those that they need, and the stop of all nodes. */
export function stepsOf(names: readonly string[]): DemoStep[] {
  const wanted = new Set(names)
  for (const { name, needs } of SUITES.toReversed()) {
    if (wanted.has(name)) for (const need of needs) wanted.add(need)
  }
  const steps = SUITES.filter(({ name }) => wanted.has(name)).flatMap(({ name, steps }) =>
    steps.map((step) => ({ ...step, name: `${name}/${step.name}` })),
  )
  return [...steps, { name: 'stop', run: stop }]
}

async function rotate({ mallory }: Cast): Promise<string> {
  const before = parse(await succeed(mallory, 'id', '--json')) as { id: string; key: string }
  await succeed(mallory, 'key', 'rotate', '--yes')
  const after = parse(await succeed(mallory, 'id', '--json')) as { id: string; key: string }
  check(before.id === after.id, 'a rotation has changed the id of a node')
  check(before.key !== after.key, 'a rotation has not changed the key of a node')
  return 'mallory has another key, and the same id'
}

async function askSelf({ alice }: Cast): Promise<string> {
  const { stdout } = await succeed(alice, 'ask', 'self', 'echo here I am')
  check(stdout.includes('here I am'), 'alice does not answer herself')
  return 'alice answered herself'
}

async function doctor({ alice }: Cast): Promise<string> {
  const end = await alice.run('doctor', '--json')
  const { counts, findings } = parse(end) as {
    counts: { ok: number; fail: number }
    findings: { check: string; state: string; what: string }[]
  }
  const failed = findings.filter(({ state }) => state === 'fail')
  check(failed.length === 0, failed.map(({ check: name, what }) => `${name}: ${what}`).join('; '))
  check(counts.ok > 0, 'no check has found anything')
  return `doctor looked at alice: ${counts.ok} findings are well, none fails`
}
