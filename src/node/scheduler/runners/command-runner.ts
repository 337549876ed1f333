import { childEnv, startChild } from '../../../agent/child.ts'
import { programFailed } from '../../../agent/engines/program.ts'
import type { Job, Target } from '../job.ts'
import type { RunContext } from '../runner.ts'

/** How much of the end of what a program writes is looked at for its last line, in bytes. */
const MAX_TAIL_BYTES = 16_384

export interface CommandRunnerComponents {
  /** Variables of this node; a program gets those that all programs get. */
  env: NodeJS.ProcessEnv
  /** Where a program starts whose job names no folder. */
  folder: string
  /** Takes secrets out of what a program says. */
  redacted: (text: string) => string
}

/**
 * Runs a program of the owner's for each attempt: with no input, in a process group that ends with the attempt. Its
 * variables tell it of the run: `KITH_JOB`, `KITH_RUN`, `KITH_ATTEMPT`. What it writes is a sign of progress, and its
 * last line the result.
 */
export class CommandRunner {
  readonly #components: CommandRunnerComponents

  constructor(components: CommandRunnerComponents) {
    this.#components = components
  }

  /** @throws {KithError} `program-failed` when it cannot be started, or ends with anything but 0 */
  async run(
    { name }: Job,
    { argv, cwd }: Extract<Target, { kind: 'command' }>,
    { attempt, progress, run }: RunContext,
    signal: AbortSignal,
  ): Promise<string> {
    const { env, folder, redacted } = this.#components
    const own = { KITH_JOB: name, KITH_RUN: run, KITH_ATTEMPT: String(attempt) }
    const init = { argv, cwd: cwd ?? folder, env: { ...childEnv(env), ...own } }
    const child = await startChild(init, signal)
    progress()
    try {
      child.stdin.end()
      let tail = Buffer.alloc(0)
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
        progress()
        tail = Buffer.concat([tail, chunk]).subarray(-MAX_TAIL_BYTES)
      }
      const { exitCode, signal: by } = await child.ended
      signal.throwIfAborted()
      if (exitCode === 0) return redacted(lastLine(tail.toString()))
      const how = by === undefined ? `exit code ${String(exitCode)}` : `signal ${by}`
      throw programFailed(argv[0], `ended with ${how}`, redacted(child.stderrTail))
    } finally {
      await child.stop()
    }
  }
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? ''
}
