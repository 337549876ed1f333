import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'

/** Longest time for one command, in ms; each takes a fraction of a second where nothing else is under way. */
const COMMAND_TIMEOUT_MS = 30_000

/** A node that was told to stop and is still there after this, in ms, is killed. */
const STOP_TIMEOUT_MS = 5_000

type Child = ChildProcessByStdio<null, Readable, Readable>

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
  /** All that is ours and not known to have ended. */
  readonly #children = new Set<Child>()
  #node: Child | undefined

  constructor(init: DemoNodeInit) {
    this.name = init.name
    this.address = init.address
    this.#init = init
  }

  /** Of the running node. */
  get pid(): number | undefined {
    return this.#node?.pid
  }

  /** The path of a file beside its home that is of this node alone. */
  beside(name: string): string {
    const folder = `${this.#init.home}.files`
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return join(folder, name)
  }

  /** Runs `kith ...args` to its end. @throws what the signal aborts with */
  async run(...args: string[]): Promise<CommandEnd> {
    const { signal } = this.#init
    signal.throwIfAborted()
    const child = this.#spawn(args)
    const kill = (): void => {
      child.kill('SIGKILL')
    }
    const timer = setTimeout(kill, COMMAND_TIMEOUT_MS)
    signal.addEventListener('abort', kill, { once: true })
    try {
      const [stdout, stderr, code] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        exitCodeOf(child),
      ])
      signal.throwIfAborted()
      return { code: code ?? -1, stdout, stderr }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', kill)
    }
  }

  /** Starts the node; resolves when it says that it is ready. */
  async start(): Promise<void> {
    const { signal } = this.#init
    signal.throwIfAborted()
    const child = this.#spawn(['start', '--json', '--log-level', 'warn'])
    this.#node = child
    const errors = text(child.stderr)
    const ready = await Promise.race([
      once(createInterface({ input: child.stdout }), 'line', { signal }).then(() => true),
      exitCodeOf(child).then(() => false),
    ])
    if (!ready) throw new Error(`${this.name} did not start: ${(await errors).trim()}`)
  }

  /** The exit code of the node, once it has ended. */
  async ended(): Promise<number | null> {
    return this.#node === undefined ? null : await exitCodeOf(this.#node)
  }

  /** Ends what is still there, by force if need be. */
  async clear(): Promise<void> {
    const children = [...this.#children]
    for (const child of children) child.kill('SIGTERM')
    const timer = setTimeout(() => {
      for (const child of children) child.kill('SIGKILL')
    }, STOP_TIMEOUT_MS)
    await Promise.all(children.map(exitCodeOf))
    clearTimeout(timer)
  }

  #spawn(args: string[]): Child {
    const { env, home, program } = this.#init
    const [node = '', ...script] = program
    const child = spawn(node, [...script, ...args], {
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
    this.#children.add(child)
    child.once('close', () => {
      this.#children.delete(child)
    })
    return child
  }
}

async function exitCodeOf(child: Child): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
  return child.exitCode
}
