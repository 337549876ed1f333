import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { CliContext } from './context.ts'
import { Interrupted } from './failure.ts'

type Terminal = Pick<CliContext, 'stderr' | 'stdin'>

/** A line typed at the terminal that is not shown. @throws {Interrupted} at Ctrl-C and Ctrl-D */
export async function askSecret(cli: Terminal, question: string): Promise<string> {
  cli.stderr.write(question)
  try {
    // readline edits the line as everywhere else, and what it would show goes nowhere.
    return await readLine(cli, '', new Nowhere())
  } finally {
    cli.stderr.write('\n')
  }
}

/** A line typed at the terminal. @throws {Interrupted} at Ctrl-C and Ctrl-D */
export async function askLine(cli: Terminal, question: string): Promise<string> {
  return await readLine(cli, question, cli.stderr)
}

async function readLine({ stdin }: Terminal, question: string, output: Writable): Promise<string> {
  const leave = new AbortController()
  const reader = createInterface({ input: stdin, output, terminal: true, historySize: 0 })
  const end = (): void => {
    leave.abort()
  }
  reader.on('SIGINT', end).on('close', end)
  try {
    return await reader.question(question, { signal: leave.signal })
  } catch (err) {
    throw leave.signal.aborted ? new Interrupted() : err
  } finally {
    reader.close()
  }
}

class Nowhere extends Writable {
  override _write(_chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    done()
  }
}
