import type { DoctorReport } from '../../node/control/api.ts'
import { VERSION } from '../../protocol/software.ts'
import type { CliContext } from '../context.ts'
import { localTurn, peersAgree, peerTurn } from './recover-mesh.ts'
import type { StepFinding } from './recover-mesh.ts'

/** What is known of a node that comes back, as far as the steps before have found out. */
export interface Recovered {
  cli: CliContext
  /** By the node that runs or, without one, by its files. */
  report: DoctorReport
  running: boolean
}

/** One thing that has to be so again after a disaster. */
export interface RecoverStep {
  name: string
  /** What is to be so, for the list. */
  what: string
  /** Needs a node that runs. */
  live?: true
  run: (known: Recovered) => StepFinding | Promise<StepFinding>
}

/** The checklist, in the order in which somebody who has lost a machine goes through it. */
export const RECOVER_STEPS: readonly RecoverStep[] = [
  {
    name: 'program',
    what: 'kith is installed on the new machine',
    run: () => ({ state: 'ok', what: `kith ${VERSION}, Node.js ${process.versions.node}` }),
  },
  {
    name: 'home',
    what: 'the home is restored from the last backup: kith restore FILE',
    run: async ({ cli }) => {
      const { describeNode } = await cli.offline()
      const { id } = await describeNode(cli.home, cli.env)
      return { state: 'ok', what: `${cli.home.path} is the home of ${id}` }
    },
  },
  {
    name: 'identity',
    what: 'its key log is whole, and the key in force is there',
    run: ({ report }) => fromDoctor(report, ['identity']),
  },
  {
    name: 'keys',
    what: 'its key files are its own, and it can open them',
    run: ({ report, running }) => {
      const found = fromDoctor(report, ['key-files', 'file-modes'])
      if (found.state !== 'ok') return found
      return running
        ? { state: 'ok', what: 'open: the node runs with them' }
        : { state: 'unchecked', what: 'are opened when the node starts', hint: 'kith start' }
    },
  },
  {
    name: 'merge',
    what: 'the restore has come to its end, and nothing of it is left half done',
    run: ({ report }) => fromDoctor(report, ['leftovers', 'store', 'peers-file']),
  },
  {
    name: 'daemon',
    what: 'the node runs: kith start, and kith service install so that it does after a reboot',
    run: ({ cli, running }) =>
      running
        ? { state: 'ok', what: 'the node runs' }
        : { state: 'fail', what: `no node runs in ${cli.home.path}`, hint: 'kith start' },
  },
  {
    name: 'doctor',
    what: 'no check fails: kith doctor',
    run: ({ report }) => doctorStep(report),
  },
  {
    name: 'peers',
    what: 'each peer is reachable, and agrees on the key of this node: kith key status',
    live: true,
    run: async ({ cli }) => await peersAgree(cli),
  },
  {
    name: 'local-turn',
    what: 'it answers its own owner: kith ask self help',
    live: true,
    run: async ({ cli }) => await localTurn(cli),
  },
  {
    name: 'peer-turn',
    what: 'a peer answers it: kith ask PEER help',
    live: true,
    run: async ({ cli }) => await peerTurn(cli),
  },
  {
    name: 'jobs',
    what: 'its jobs go on: kith jobs list',
    live: true,
    run: ({ report }) => fromDoctor(report, ['jobs']),
  },
  {
    name: 'backups',
    what: 'a job backs it up, and the last backup is recent',
    live: true,
    run: async ({ cli, report }) => await backupStep(cli, report),
  },
]

/** What the checks of these names have found: the worst of it. */
function fromDoctor({ findings }: DoctorReport, names: readonly string[]): StepFinding {
  const found = findings.filter(({ check }) => names.includes(check))
  const worst =
    found.find(({ state }) => state === 'fail') ??
    found.find(({ state }) => state === 'warn') ??
    found[0]
  if (worst === undefined) return { state: 'unchecked', what: 'could not be told' }
  const { hint, state, what } = worst
  return { state, what, ...(hint === undefined ? {} : { hint }) }
}

/** What the other steps tell of is not told of again. */
function doctorStep({ findings }: DoctorReport): StepFinding {
  const bad = findings.filter(({ check, state }) => state !== 'ok' && !OWN_STEPS.includes(check))
  const failed = bad.filter(({ state }) => state === 'fail')
  const names = (of: typeof bad): string => [...new Set(of.map(({ check }) => check))].join(', ')
  if (failed.length > 0) {
    return { state: 'fail', what: `does not pass: ${names(failed)}`, hint: 'kith doctor' }
  }
  if (bad.length === 0) return { state: 'ok', what: 'every check passes' }
  return { state: 'warn', what: `wants a look: ${names(bad)}`, hint: 'kith doctor' }
}

const OWN_STEPS: readonly string[] = [
  ...['identity', 'key-files', 'file-modes', 'leftovers', 'store', 'peers-file'],
  ...['peers', 'restore', 'jobs', 'backup', 'alerts'],
]

async function backupStep(cli: CliContext, report: DoctorReport): Promise<StepFinding> {
  const jobs = await cli.client.call('jobs', {})
  const on = jobs.some(({ enabled, target }) => enabled && target === 'backup')
  if (!on) {
    const hint = 'kith jobs add nightly-backup --backup --daily 03:00 --enable'
    return { state: 'warn', what: 'no job makes backups of this node', hint }
  }
  return fromDoctor(report, ['backup'])
}
