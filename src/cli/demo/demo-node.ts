import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'

/** Longest time for one command, in ms; each takes a fraction of a second. */
const COMMAND_TIMEOUT_MS = 10_000

/** A node that was told to stop and is still there after this, in ms, is killed. */
const STOP_TIMEOUT_MS = 5_000

export interface DemoNodeInit {
  name: string
  /** A folder of its own. */
  home: string
  /** Multiaddr to listen on. */
  address: string
  /** What a command line begins with: Node.js and the script. */
  program: readonly string[]
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}

/** How a command ended. */
export interface CommandEnd {
  code: number
  stdout: string
  stderr: string
}

/** A throwaway node on this machine, and the commands for it: each a process of its own, as a person would run it. */
export class DemoNode {
  readonly name: string
  readonly address: string
  /** Known once it is made. */
  id = ''
  readonly #init: DemoNodeInit
  #process: ChildProcessByStdio<null, Readable, Readable> | undefined

  constructor(init: DemoNodeInit) {
    this.name = init.name
    this.address = init.address
    this.#init = init
  }

  /** Of the running node. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Runs `kith ...args` to its end. @throws what `signal` aborts with */
  async run(...args: string[]): Promise<CommandEnd> {
    const { signal } = this.#init
    const child = this.#spawn(args)
    const timer = setTimeout(() => child.kill('SIGKILL'), COMMAND_TIMEOUT_MS)
    const stop = (): void => {
      child.kill('SIGKILL')
    }
    signal.addEventListener('abort', stop, { once: true })
    try {
      const [stdout, stderr, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close') as Promise<[number | null]>,
      ])
      signal.throwIfAborted()
      return { code: code ?? -1, stdout, stderr }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
  }

  /** Starts the node; resolves when it says that it is ready. */
  async start(): Promise<void> {
    const child = this.#spawn(['start', '--json', '--log-level', 'warn'])
    this.#process = child
    const errors = text(child.stderr)
    const lines = createInterface({ input: child.stdout })
    const ready = await Promise.race([
      once(lines, 'line', { signal: this.#init.signal }).then(() => true),
      once(child, 'close').then(() => false),
    ])
    if (!ready) throw new Error(`${this.name} did not start: ${(await errors).trim()}`)
  }

  /** Ends the node's process, if it is still there, by force if need be. */
  async end(): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'close')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await closed
    clearTimeout(timer)
  }

  /** The node's exit code once it has ended. */
  async ended(): Promise<number | null> {
    const child = this.#process
    if (child === undefined) return null
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
    return child.exitCode
  }

  #spawn(args: string[]): ChildProcessByStdio<null, Readable, Readable> {
    const { env, home, program } = this.#init
    const [node = '', ...script] = program
    return spawn(node, [...script, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        // Our own settings are not theirs.
        ...Object.fromEntries(Object.entries(env).filter(([key]) => !key.startsWith('KITH_'))),
        KITH_HOME: home,
        // All of them call from one address, and each is a stranger at first.
        KITH_LOBBY_PER_ADDRESS_PER_MINUTE: '60',
        NO_COLOR: '1',
      },
    })
  }
}
