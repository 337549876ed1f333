import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { CliContext } from './context.ts'
import { Interrupted } from './failure.ts'

/** A line typed at the terminal that is not shown. @throws {Interrupted} at Ctrl-C and Ctrl-D */
export async function askSecret(
  { stderr, stdin }: Pick<CliContext, 'stderr' | 'stdin'>,
  question: string,
): Promise<string> {
  // readline edits the line as everywhere else, and what it would show goes nowhere.
  const output = new Writable({
    write: (_chunk, _encoding, done) => {
      done()
    },
  })
  const leave = new AbortController()
  const reader = createInterface({ input: stdin, output, terminal: true, historySize: 0 })
  const end = (): void => {
    leave.abort()
  }
  reader.on('SIGINT', end).on('close', end)
  stderr.write(question)
  try {
    return await reader.question('', { signal: leave.signal })
  } catch (err) {
    throw leave.signal.aborted ? new Interrupted() : err
  } finally {
    reader.close()
    stderr.write('\n')
  }
}
