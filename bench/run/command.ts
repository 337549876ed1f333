import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A program and its arguments. */
export type Command = readonly [string, ...string[]]

/** How long a command may take to end, to be ready or to stop, in ms. */
const TIMEOUT_MS = 15_000

/** What a daemon prints of itself on stdout, once it serves. */
const READY = /"readyAfterMs"/

/** The time in ms from the spawn of `command` to its end. @throws {Error} unless it exits with 0. */
export async function exitMs(command: Command): Promise<number> {
  const startedAt = performance.now()
  const child = start(command, 'ignore')
  const code = await exitCode(child)
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${String(code)}`)
  return performance.now() - startedAt
}

/**
 * The time in ms from the spawn of `command` to its ready line; it is stopped then, by SIGTERM.
 *
 * @throws {Error} when it ends without that line.
 */
export async function readyMs(command: Command): Promise<number> {
  const startedAt = performance.now()
  const child = start(command, 'pipe')
  const exited = exitCode(child)
  try {
    if (child.stdout === null) throw new TypeError('stdout is not a pipe')
    for await (const line of createInterface(child.stdout)) {
      if (READY.test(line)) return performance.now() - startedAt
    }
    throw new Error(`${command.join(' ')} ended before it was ready`)
  } finally {
    child.stdout?.resume()
    child.kill('SIGTERM')
    await exited
  }
}

function start([file, ...args]: Command, stdout: 'ignore' | 'pipe'): ChildProcess {
  return spawn(file, args, { stdio: ['ignore', stdout, 'inherit'] })
}

/** The exit code, or the signal that ended `child`, which is killed when it is late. */
async function exitCode(child: ChildProcess): Promise<unknown> {
  const late = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS)
  const [code, signal] = (await once(child, 'exit').finally(() => {
    clearTimeout(late)
  })) as unknown[]
  return code ?? signal
}
