import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const PROGRAM = 'nats-server'

/** True where Debian's package is installed. */
export function hasNatsServer(): boolean {
  return spawnSync(PROGRAM, ['--version']).status === 0
}

/** Says what is missing, and skips what wants it. */
export function needsNatsServer(context: Mocha.Context): void {
  if (hasNatsServer()) return
  process.stderr.write('    not installed, and not tested with: nats-server\n')
  context.skip()
}

/** A real server on a port of the system's, its JetStream in `folder`. */
export class NatsServer {
  readonly #folder: string
  readonly #config: string
  #child: ChildProcess | undefined
  #port = 0

  constructor(folder: string, config = '') {
    this.#folder = folder
    this.#config = config
  }

  /** Starts it, after its end on the same port with what it had stored. Resolves when it takes connections. */
  async start(): Promise<void> {
    const path = join(this.#folder, 'nats.conf')
    const store = JSON.stringify(join(this.#folder, 'jetstream'))
    // -1 is any port.
    const listen = `127.0.0.1:${this.#port === 0 ? -1 : this.#port}`
    await writeFile(path, `listen: "${listen}"\njetstream { store_dir: ${store} }\n${this.#config}`)
    const child = spawn(PROGRAM, ['-c', path], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child = child
    const lines: string[] = []
    for await (const line of createInterface(child.stderr)) {
      lines.push(line)
      const [, port] = /Listening for client connections on .*:(\d+)$/.exec(line) ?? []
      if (port !== undefined) this.#port = Number(port)
      if (line.includes('Server is ready')) {
        child.stderr.resume()
        return
      }
    }
    throw new Error(`nats-server did not start:\n${lines.join('\n')}`)
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`
  }

  /** Ends it as a power cut would end its process. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
}
