import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import type { Readable, Writable } from 'node:stream'
import { KithError } from '../protocol/errors.ts'
import { systemCode } from './read-file.ts'

/** Names of the variables that every program gets, where they are set: where things are, and how to write. */
const PASSED_NAMES = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'TERM',
  'TMPDIR',
  'TZ',
]

/** By this a kith in a program knows that no person has typed what it is told to do. */
const PROGRAM_MARK = 'KITH_PROGRAM'

/** How long a program has to end by itself after SIGTERM. With `LINGER_MS` it is well within the grace of an abort. */
export const KILL_AFTER_MS = 400

/** How long the pipes of a program that has ended may stay open, for one that left its group and still holds them. */
const LINGER_MS = 200

/** What is kept of the end of a program's standard error. */
export const MAX_STDERR_BYTES = 16_384

export interface ChildInit {
  /** The program, as a path or as a name to be found in PATH, and its arguments. No shell reads them. */
  argv: readonly [program: string, ...rest: string[]]
  /** The folder it starts in. */
  cwd: string
  /** All its variables: of ours it inherits none. `childEnv` makes them. */
  env: Readonly<Record<string, string>>
}

/** How a program ended: one of the two is set. */
export interface ChildEnd {
  exitCode: number | undefined
  signal: NodeJS.Signals | undefined
}

/** The variables of `from` that a program may have: those that all get, and `names`; and one that says that it is one. */
export function childEnv(
  from: NodeJS.ProcessEnv,
  names: readonly string[] = [],
): Record<string, string> {
  const env: Record<string, string> = {}
  for (const name of [...PASSED_NAMES, ...names]) {
    const value = from[name]
    if (value !== undefined) env[name] = value
  }
  return { ...env, [PROGRAM_MARK]: '1' }
}

/**
 * Starts a program as the leader of its own process group, with pipes for its standard streams. Resolves once it
 * runs. `signal` ends it, as `stop` does; its listener goes when the program has ended.
 *
 * @throws {KithError} `program-failed` when it cannot be started.
 * @throws the signal's reason, when it was aborted before.
 */
export async function startChild(init: ChildInit, signal?: AbortSignal): Promise<Child> {
  signal?.throwIfAborted()
  const [program, ...rest] = init.argv
  try {
    const child = spawn(program, rest, {
      cwd: init.cwd,
      env: init.env,
      stdio: 'pipe',
      detached: true,
    })
    const running = new Child(child, signal)
    await once(child, 'spawn')
    return running
  } catch (err) {
    throw await notStarted(init, err)
  }
}

/**
 * A program that runs, and whatever it starts in its process group. When it ends, the rest of the group is killed
 * at once: nothing is left behind but what made itself a group of its own.
 */
export class Child {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #stdout = new PassThrough()
  readonly #stderr = new Tail(MAX_STDERR_BYTES)
  /** Resolves when it has ended, and with it all of its group. Does not reject. */
  readonly ended: Promise<ChildEnd>
  #exited = false
  #killTimer: NodeJS.Timeout | undefined

  /** Of a process that was just made: its events are still to come. */
  constructor(child: ChildProcessWithoutNullStreams, signal?: AbortSignal) {
    this.#process = child
    this.#forwardStdout()
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr.push(chunk)
    })
    // A program that ends without having read its input is no fault of ours.
    child.stdin.on('error', () => undefined)
    this.ended = this.#end(signal)
  }

  /** Undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Does not fail when the program no longer reads. */
  get stdin(): Writable {
    return this.#process.stdin
  }

  /** All that it writes, also what is read after it has ended. It waits while nobody reads. */
  get stdout(): Readable {
    return this.#stdout
  }

  /** The last `MAX_STDERR_BYTES` of its standard error, which is always read. */
  get stderrTail(): string {
    return this.#stderr.toString()
  }

  /** Ends it and its group: SIGTERM, and SIGKILL after `KILL_AFTER_MS`. Resolves as `ended` does, in 1 s at most. */
  stop(): Promise<ChildEnd> {
    if (!this.#exited && this.#killTimer === undefined) {
      this.#signalGroup('SIGTERM')
      this.#killTimer = setTimeout(() => {
        this.#signalGroup('SIGKILL')
      }, KILL_AFTER_MS)
    }
    return this.ended
  }

  /** Node's own stream drops what is not read when the program ends: this one keeps it. */
  #forwardStdout(): void {
    const source = this.#process.stdout
    source.on('data', (chunk: Buffer) => {
      if (!this.#stdout.write(chunk) && !this.#exited) source.pause()
    })
    this.#stdout.on('drain', () => source.resume())
    source.on('close', () => this.#stdout.end())
  }

  async #end(signal: AbortSignal | undefined): Promise<ChildEnd> {
    const child = this.#process
    const { promise, resolve } = Promise.withResolvers<ChildEnd>()
    const onAbort = (): void => void this.stop()
    signal?.addEventListener('abort', onAbort, { once: true })
    let lingering: NodeJS.Timeout | undefined
    child.once('exit', () => {
      this.#exited = true
      this.#signalGroup('SIGKILL')
      // What is left in the pipe is bounded, and a reader that takes its time must not keep `ended` from coming.
      child.stdout.resume()
      lingering = setTimeout(() => {
        child.stdout.destroy()
        child.stderr.destroy()
      }, LINGER_MS)
    })
    child.once('close', (code: number | null, by: NodeJS.Signals | null) => {
      resolve({ exitCode: by === null ? (code ?? undefined) : undefined, signal: by ?? undefined })
    })
    // What cannot be started has no `exit`, and the one who starts it is told why.
    child.once('error', () => undefined)
    const end = await promise
    signal?.removeEventListener('abort', onAbort)
    clearTimeout(lingering)
    clearTimeout(this.#killTimer)
    return end
  }

  #signalGroup(name: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#process.pid === undefined) return
    try {
      process.kill(-this.#process.pid, name)
    } catch (err) {
      if (systemCode(err) !== 'ESRCH') throw err
    }
  }
}

/** What a program wrote to its standard output, and how it ended. */
export interface Output {
  bytes: Buffer
  /** True if it wrote more than was wanted, and was ended for it. */
  cut: boolean
  end: ChildEnd
}

/** All that `child` writes until it ends, at most `limitBytes`: one that writes more is ended. */
export async function outputOf(child: Child, limitBytes: number): Promise<Output> {
  const chunks: Buffer[] = []
  let room = limitBytes
  let cut = false
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    cut = chunk.length > room
    chunks.push(chunk.subarray(0, room))
    room -= Math.min(room, chunk.length)
    if (cut) break
  }
  const end = await (cut ? child.stop() : child.ended)
  return { bytes: Buffer.concat(chunks), cut, end }
}

/** The last bytes of what is pushed. */
class Tail {
  readonly #limitBytes: number
  #bytes = Buffer.alloc(0)

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  push(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-this.#limitBytes)
  }

  toString(): string {
    return this.#bytes.toString()
  }
}

async function notStarted(
  { argv: [program], cwd }: ChildInit,
  cause: unknown,
): Promise<KithError<'program-failed'>> {
  const folder = await stat(cwd).catch(() => undefined)
  if (folder?.isDirectory() !== true) {
    const why = `there is no folder ${cwd} to start it in`
    const details = { program, why }
    return new KithError('program-failed', `${program}: ${why}`, details, {
      cause,
      hint: `mkdir -p ${cwd}`,
    })
  }
  const code = systemCode(cause)
  const why =
    code === 'ENOENT'
      ? 'there is no such program'
      : code === 'EACCES'
        ? 'it may not be run'
        : `it cannot be started (${code ?? 'no reason given'})`
  return new KithError(
    'program-failed',
    `${program}: ${why}`,
    { program, why },
    { cause, hint: `command -v ${program}, and its whole path in config.yaml` },
  )
}
