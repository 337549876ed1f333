import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { z } from 'zod'
import { onOwnCore, type Side } from './cores.ts'
import { answer } from './messages.ts'

/** How long a child may take to end by itself, in ms. */
const STOP_TIMEOUT_MS = 5_000

export interface ForkOptions {
  side: Side
  /** @default [] */
  args?: readonly string[]
  /** Flags of Node's own. @default [] */
  nodeFlags?: readonly string[]
}

/** A forked script that answers one request at a time over its IPC channel. */
export class Child<Request extends object> {
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>

  private constructor(forked: ChildProcess) {
    this.#process = forked
    this.#exited = once(forked, 'exit')
  }

  /** Forks `script` on the core of its side, if it can have one. Its stdout is dropped. */
  static fork<Request extends object>(
    script: URL,
    { side, args = [], nodeFlags = [] }: ForkOptions,
  ): Child<Request> {
    const [execPath = '', ...execArgv] = [...onOwnCore(side), process.execPath, ...nodeFlags]
    const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const
    return new Child(fork(script, args, { execPath, execArgv, stdio: [...stdio] }))
  }

  /** Sends `request` and awaits its answer. See `reply`. */
  async request<T>(request: Request, schema: z.ZodType<T>, timeoutMs: number): Promise<T> {
    if (!this.#process.connected) throw new Error('the process has ended')
    this.#process.send(request)
    return this.reply(schema, timeoutMs)
  }

  /** The next answer. @throws {Error} when it is a failure, is late, or the process ends first. */
  async reply<T>(schema: z.ZodType<T>, timeoutMs: number): Promise<T> {
    const settled = new AbortController()
    const signal = AbortSignal.any([settled.signal, AbortSignal.timeout(timeoutMs)])
    try {
      const [message] = (await Promise.race([
        once(this.#process, 'message', { signal }),
        once(this.#process, 'exit', { signal }).then(([code]) => {
          throw new Error(`the process ended with code ${String(code)}`)
        }),
      ])) as unknown[]
      const answered = answer.parse(message)
      if ('error' in answered) throw new Error(answered.error)
      return schema.parse(answered.value)
    } catch (err) {
      if (!signal.aborted) throw err
      throw new Error(`no answer within ${timeoutMs} ms`, { cause: err })
    } finally {
      settled.abort()
    }
  }

  /** Hangs up, and resolves once the process has ended: by itself, or killed for being late. */
  async stop(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect()
    const late = setTimeout(() => this.#process.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await this.#exited
    clearTimeout(late)
  }
}
