import { childEnv, startChild } from '../../../agent/child.ts'
import { programFailed } from '../../../agent/engines/program.ts'
import type { Job, Target } from '../job.ts'
import { ResultText } from '../result-text.ts'
import type { Result, RunContext } from '../runner.ts'

export interface CommandRunnerComponents {
  /** Variables of this node; a program gets those that all programs get. */
  env: NodeJS.ProcessEnv
  /** Where a program starts whose job names no folder. */
  folder: string
  /** Home of this node, which is the one that a `kith` of the program is about. */
  home: string
  /** Takes secrets out of what a program says. */
  redacted: (text: string) => string
}

/**
 * Runs a program of the owner's for each attempt, in a process group that ends with the attempt. Its input is the item
 * of a feed, if there is one. Its variables tell it of the run: `KITH_HOME`, `KITH_JOB`, `KITH_RUN`, `KITH_ATTEMPT`, and of
 * the item `KITH_ITEM` and `KITH_ITEM_NAME`. What it writes is a sign of progress, and the result: text, in which bytes that are
 * no UTF-8 are replaced.
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
    { attempt, item, progress, run }: RunContext,
    signal: AbortSignal,
  ): Promise<Result> {
    const { env, folder, home, redacted } = this.#components
    const own = {
      ...{ KITH_HOME: home, KITH_JOB: name, KITH_RUN: run, KITH_ATTEMPT: String(attempt) },
      ...(item === undefined ? {} : { KITH_ITEM: item.id, KITH_ITEM_NAME: item.name }),
    }
    const place = cwd ?? folder
    const init = { argv, cwd: place, env: { ...childEnv(env), ...own } }
    const child = await startChild(init, signal)
    progress()
    try {
      child.stdin.end(item?.content)
      const text = new ResultText()
      const decoder = new TextDecoder()
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
        progress()
        text.push(decoder.decode(chunk, { stream: true }))
      }
      text.push(decoder.decode())
      const { exitCode, signal: by } = await child.ended
      signal.throwIfAborted()
      if (exitCode === 0) {
        const prompt = JSON.stringify(argv)
        const context = JSON.stringify({ cwd: place, env: Object.keys(init.env).toSorted() })
        const made = { prompt, context, engine: 'command', sources: [] }
        return {
          summary: redacted(text.lastLine),
          made: { ...made, ...text.content(redacted) },
        }
      }
      const how = by === undefined ? `exit code ${String(exitCode)}` : `signal ${by}`
      throw programFailed(argv[0], `ended with ${how}`, redacted(child.stderrTail))
    } finally {
      await child.stop()
    }
  }
}
