import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type {
  ExplainReport,
  Input as RouteInput,
  LostNodeRoute,
  JobReport,
  OfflineKeyRoute,
  Output as RouteOutput,
  PeerKeysReport,
  PeerReport,
  RunReport,
  StatusReport,
  TimesReport,
} from '../node/control/api.ts'
import { ControlClient } from '../node/control/client.ts'
import { homeOf } from '../node/home.ts'
import type { Home } from '../node/home.ts'
import { KithError } from '../protocol/errors.ts'
import type { BackupModule } from './backup-module.ts'
import type { DoctorModule } from './doctor-module.ts'
import { EXIT } from './exit-codes.ts'
import type { ExitCode } from './exit-codes.ts'
import { Interrupted } from './failure.ts'
import type { RecordsModule } from './records-module.ts'
import type { Output } from './terminal.ts'

/** Where a command reads. A terminal says so by `isTTY`. */
export type Input = Readable & { isTTY?: boolean }

/** Options that every command takes. */
export interface GlobalOptions {
  profile?: string
  home?: string
}

/** What a node tells of itself without running. */
export interface NodeDescription {
  name?: string
  id: string
  /** Peer id of the key in use. A retired node has none. */
  key?: string
  words: string[]
  addresses: string[]
}

/** The keys in the files of a home whose node does not run, by the routes of one that does. */
export interface KeyFiles {
  call: <N extends OfflineKeyRoute>(name: N, input: RouteInput<N>) => Promise<RouteOutput<N>>
  close: () => Promise<void>
}

/** A node whose home is gone, by those routes that make it anew. */
export interface LostNodeFiles {
  call: <N extends LostNodeRoute>(name: N, input: RouteInput<N>) => Promise<RouteOutput<N>>
  close: () => Promise<void>
}

/** What can be done to a home without a running node. */
export interface OfflineNode {
  initNode: (
    home: Home,
    init: {
      protection: { clear: true } | { passphrase: string }
      name?: string
      listen?: string[]
      rotationKeyOffHost?: true
    },
  ) => Promise<NodeDescription & { recoveryWords: string[]; rotationWords?: string[] }>
  describeNode: (home: Home, env: NodeJS.ProcessEnv) => Promise<NodeDescription>
  editPeers: (home: Home, edit: RouteInput<'editPeers'>) => Promise<PeerReport[]>
  listPeers: (home: Home) => Promise<PeerReport[]>
  explainOffline: (
    home: Home,
    name: string,
    question: { verb: string; code?: string },
  ) => Promise<ExplainReport>
  peerKeysOffline: (home: Home, name: string) => Promise<PeerKeysReport>
  listJobs: (home: Home, env: NodeJS.ProcessEnv) => Promise<JobReport[]>
  showJob: (home: Home, env: NodeJS.ProcessEnv, name: string) => Promise<RouteOutput<'showJob'>>
  editJobs: (
    home: Home,
    env: NodeJS.ProcessEnv,
    edit: RouteInput<'editJobs'>,
  ) => Promise<JobReport[]>
  exportJobs: (home: Home, env: NodeJS.ProcessEnv) => Promise<string>
  nextTimes: (
    home: Home,
    env: NodeJS.ProcessEnv,
    name: string,
    count: number,
  ) => Promise<TimesReport>
  openKeys: (home: Home) => Promise<KeyFiles>
  openLostNode: (home: Home, path: string) => Promise<LostNodeFiles>
}

/** A node that runs in this process. */
export interface DaemonModule {
  runDaemon: (init: {
    home: Home
    env: NodeJS.ProcessEnv
    flags: Record<string, unknown>
    passphrase: string | undefined
    stdout: Writable
    onReady: (report: StatusReport) => void
  }) => Promise<number>
  runJobsOnce: (init: {
    home: Home
    env: NodeJS.ProcessEnv
    flags: Record<string, unknown>
    passphrase: string | undefined
    /** Where the log goes. */
    stdout: Writable
    /** Names of jobs; none for all that is due. */
    jobs: readonly string[]
    onRun: (run: RunReport) => void
  }) => Promise<{ exitCode: number; refused: string[] }>
}

/** Ctrl-C while a command wants to end in its own way. */
export interface Interrupts {
  /** Aborts at the first Ctrl-C, `second` at the next. */
  first: AbortSignal
  second: AbortSignal
  /** From here on Ctrl-C ends the process again. */
  release: () => void
}

/** All that a command has to do with the world around it. */
export interface CliContext {
  env: NodeJS.ProcessEnv
  stdin: Input
  stdout: Output
  stderr: Output
  /** The program and its first argument: what starts another command like this one. */
  program: readonly string[]
  /** As the command line has them. */
  globals: GlobalOptions
  home: Home
  client: Pick<ControlClient, 'askEvents' | 'call' | 'costs' | 'fleetEvents'>
  /** What the command ends with when nothing is thrown. */
  exitCode: ExitCode
  interrupts(): Interrupts
  /** @throws the signal's reason */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Loaded when a command needs it: the node's schemas cost 50 ms, its network 200 ms. */
  offline(): Promise<OfflineNode>
  daemon(): Promise<DaemonModule>
  backups(): Promise<BackupModule>
  doctor(): Promise<DoctorModule>
  records(): Promise<RecordsModule>
}

/** The context of this process. Which home it is about is known once the command line has been read. */
export function processContext(argv: readonly string[]): CliContext {
  const { env, stderr, stdin, stdout } = process
  return {
    env,
    stdin,
    stdout,
    stderr,
    program: argv.slice(0, 2),
    globals: {},
    get home() {
      return homeFor(env, this.globals)
    },
    get client() {
      return new ControlClient({ socket: this.home.socket, home: this.home.path })
    },
    exitCode: EXIT.ok,
    interrupts: processInterrupts,
    sleep: async (ms, signal) => {
      await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {
        signal?.throwIfAborted()
      })
    },
    async offline() {
      await settle(this.home)
      const offline = await import('../node/offline.ts')
      const peers = await import('../node/offline-peers.ts')
      return { ...offline, ...peers, ...(await import('../node/offline-jobs.ts')) }
    },
    async daemon() {
      await settle(this.home)
      const daemon = await import('../node/daemon.ts')
      return { ...daemon, ...(await import('../node/jobs-once.ts')) }
    },
    async backups() {
      await settle(this.home)
      const keys = await import('../node/backup/backup-keys.ts')
      return {
        ...keys,
        ...(await import('../node/backup/home-backups.ts')),
        drillBackup: async (init) => {
          const { drillBackup } = await import('../node/backup/drill.ts')
          return await drillBackup(init)
        },
      }
    },
    async records() {
      await settle(this.home)
      return {
        ...(await import('../node/offline-records.ts')),
        ...(await import('../node/logs/read-logs.ts')),
        checkDependencies: async (init) => {
          const { checkDependencies } = await import('../node/deps/check-dependencies.ts')
          return await checkDependencies(init)
        },
      }
    },
    // What is left of a restore stays as it is: it is looked at.
    doctor: async () => ({
      ...(await import('../node/offline-doctor.ts')),
      ...(await import('../node/fix-safe.ts')),
      ...(await import('../node/migration-status.ts')),
    }),
  }
}

/** A restore that was cut off while it swapped is brought to its end before anything opens the home. */
async function settle(home: Home): Promise<void> {
  const { settleHome } = await import('../node/backup/settle-home.ts')
  await settleHome(home, Date.now())
}

/** `--home` over `KITH_HOME`, `--profile` over `KITH_PROFILE`. @throws {KithError} `usage` */
export function homeFor(env: NodeJS.ProcessEnv, { home, profile }: GlobalOptions): Home {
  const name = profile ?? (env['KITH_PROFILE'] || undefined)
  if (name !== undefined && !/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) {
    const what = 'a profile is 1 to 64 of a-z, 0-9 and -, and begins with no -'
    throw new KithError('usage', `${JSON.stringify(name)}: ${what}`, { what })
  }
  return homeOf(home === undefined ? env : { ...env, KITH_HOME: home }, name)
}

/** Commands that are about every profile of a home. */
const OF_ALL_PROFILES: readonly string[] = ['daemon', 'service', 'profile']

/** Where a hint has a command of ours: not behind what says that it is for another owner or another machine. */
const OWN_COMMAND =
  /(?<=^|, then |, or | and |; |(?<!there|who can type|on a node that has pinned it): )kith (?=([a-z-]+))/g

/** `hint`, such as `kith start, then kith doctor`, with the global options that lead to the same home. */
export function sameHome({ globals }: Pick<CliContext, 'globals'>, hint: string): string {
  const { home, profile } = globals
  return hint.replace(OWN_COMMAND, (_kith, name: string) => {
    const isOfOne = profile !== undefined && !OF_ALL_PROFILES.includes(name)
    const options = [
      ...(home === undefined ? [] : ['--home', home]),
      ...(isOfOne ? ['-p', profile] : []),
    ]
    return ['kith ', ...options.map((option) => `${option} `)].join('')
  })
}

function processInterrupts(): Interrupts {
  const [first, second] = [new AbortController(), new AbortController()]
  const onSignal = (): void => {
    ;(first.signal.aborted ? second : first).abort(new Interrupted())
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  return {
    first: first.signal,
    second: second.signal,
    release: () => {
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}
