import { PassThrough, Writable } from 'node:stream'
import type { BackupModule } from '../../src/cli/backup-module.ts'
import type { DoctorModule } from '../../src/cli/doctor-module.ts'
import type { RecordsModule } from '../../src/cli/records-module.ts'
import { runCommandLine } from '../../src/cli/main.ts'
import type { CliContext, DaemonModule, Interrupts, OfflineNode } from '../../src/cli/context.ts'
import { EXIT } from '../../src/cli/exit-codes.ts'
import type { ExitCode } from '../../src/cli/exit-codes.ts'
import { Interrupted } from '../../src/cli/failure.ts'
import type {
  AskStreamItem,
  CallName,
  Input,
  Output,
  RouteName,
} from '../../src/node/control/api.ts'
import { homeOf } from '../../src/node/home.ts'
import { KithError } from '../../src/protocol/errors.ts'

/** Keeps what is written. */
export class Screen extends Writable {
  text = ''
  isTTY = false
  columns = 80

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }

  /** Each line as JSON. */
  get json(): unknown[] {
    return this.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
  }
}

/** Each route's answer to an input; a route without one has no running node behind it. */
export type Answers = {
  [N in CallName]?: (input: Input<N>) => Output<N> | Promise<Output<N>>
}

/** A world for commands that is made of memory. */
export class FakeCli implements CliContext {
  readonly env: NodeJS.ProcessEnv = { HOME: '/nowhere' }
  readonly stdin = new PassThrough() as PassThrough & { isTTY?: boolean }
  readonly stdout = new Screen()
  readonly stderr = new Screen()
  readonly program = ['node', 'kith.js']
  readonly home = homeOf({ KITH_HOME: '/nowhere/.kith' }, undefined)
  globals = {}
  exitCode: ExitCode = EXIT.ok
  /** What was called, in order. */
  readonly calls: [route: RouteName, input: unknown][] = []
  /** Waits that were asked for, in ms; none of them was waited for. */
  readonly slept: number[] = []
  answers: Answers = {}
  /** One stream of items for each call of `askEvents`: an error ends it. */
  streams: (AskStreamItem | Error)[][] = []
  /** What `fleetEvents` gives: an error ends it. */
  fleetItems: (Output<'fleetEvents'> | Error)[] = [notRunning()]
  /** What `costs` gives: an error ends it. */
  costItems: (Output<'costs'> | Error)[] = [notRunning()]
  offlineNode: Partial<OfflineNode> = {}
  backupModule: Partial<BackupModule> = {}
  doctorModule: Partial<DoctorModule> = {}
  recordsModule: Partial<RecordsModule> = {}
  runDaemon: DaemonModule['runDaemon'] = () => Promise.resolve(0)
  runJobsOnce: DaemonModule['runJobsOnce'] = () => Promise.resolve({ exitCode: 0, refused: [] })
  readonly #first = new AbortController()
  readonly #second = new AbortController()

  readonly client: CliContext['client'] = {
    call: async <N extends CallName>(name: N, input: Input<N>) => {
      this.calls.push([name, input])
      const answer = this.answers[name]
      if (answer === undefined) throw notRunning()
      return await answer(input)
    },
    askEvents: (input, signal) => {
      this.calls.push(['askEvents', input])
      return this.#play<AskStreamItem>(this.streams.shift() ?? [notRunning()], signal)
    },
    fleetEvents: (input, signal) => {
      this.calls.push(['fleetEvents', input])
      return this.#play(this.fleetItems, signal)
    },
    costs: (input, signal) => {
      this.calls.push(['costs', input])
      return this.#play(this.costItems, signal)
    },
  }

  /** Runs `kith ...args` and gives its exit code. */
  async kith(...args: string[]): Promise<number> {
    return await runCommandLine(this, [...this.program, ...args])
  }

  /** The first Ctrl-C, or the second. */
  interrupt(): void {
    const controller = this.#first.signal.aborted ? this.#second : this.#first
    controller.abort(new Interrupted())
  }

  interrupts(): Interrupts {
    return { first: this.#first.signal, second: this.#second.signal, release: () => undefined }
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.slept.push(ms)
    signal?.throwIfAborted()
  }

  async backups(): Promise<BackupModule> {
    const absent = (): Promise<never> => Promise.reject(new TypeError('no backup expected'))
    return {
      openBackups: absent,
      sealOf: absent,
      makeBackupKey: absent,
      readBackupKey: absent,
      assertBackupPassphrase: () => undefined,
      verifyFile: absent,
      drillBackup: absent,
      restoreBackup: absent,
      ...this.backupModule,
    }
  }

  async doctor(): Promise<DoctorModule> {
    const absent = (): Promise<never> => Promise.reject(new TypeError('no doctor expected'))
    return {
      checkOffline: absent,
      planFixes: absent,
      applyFixes: absent,
      migrationStatus: absent,
      ...this.doctorModule,
    }
  }

  async records(): Promise<RecordsModule> {
    const absent = (): never => {
      throw new TypeError('no records expected')
    }
    return {
      diffOffline: absent,
      auditOffline: absent,
      verifyAuditOffline: absent,
      logPlaces: absent,
      readLogs: absent,
      checkDependencies: absent,
      ...this.recordsModule,
    }
  }

  async offline(): Promise<OfflineNode> {
    const absent = (): Promise<never> => Promise.reject(new TypeError('not expected offline'))
    return {
      initNode: absent,
      describeNode: absent,
      editPeers: absent,
      listPeers: absent,
      explainOffline: absent,
      peerKeysOffline: absent,
      listJobs: absent,
      showJob: absent,
      editJobs: absent,
      exportJobs: absent,
      nextTimes: absent,
      openKeys: absent,
      openLostNode: absent,
      ...this.offlineNode,
    }
  }

  async daemon(): Promise<DaemonModule> {
    return { runDaemon: this.runDaemon, runJobsOnce: this.runJobsOnce }
  }

  async *#play<T extends object>(
    items: (T | Error)[],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<T> {
    for (const item of items) {
      await Promise.resolve()
      signal?.throwIfAborted()
      if (item instanceof Error) throw item
      yield item
    }
  }
}

export function notRunning(): KithError<'daemon-not-running'> {
  return new KithError(
    'daemon-not-running',
    'no node is running in /nowhere/.kith',
    { home: '/nowhere/.kith' },
    { hint: 'kith start' },
  )
}
