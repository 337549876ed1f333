import { z } from 'zod'
import { KithError } from '../../protocol/errors.ts'
import { startChild } from '../child.ts'
import type { Child } from '../child.ts'
import { MAX_COMMAND_CHARS } from './shell-command.ts'
import type { ShellCommand } from './shell-command.ts'
import { judged } from './shell-risk.ts'
import { sandboxed, searchPath } from './shell-sandbox.ts'
import type { ShellStanding } from './shell-sandbox.ts'
import { parsed } from './tool.ts'
import type { Tool, ToolOutput } from './tool.ts'

/** A command that runs longer is ended, with all that it started. */
export const SHELL_TIMEOUT_SECONDS = 60

/** A command that writes more to its standard output is ended. */
export const MAX_SHELL_OUTPUT_BYTES = 49_152

const NAME = 'shell'

export interface ShellInit {
  /** Folder that commands run in. */
  workspace: string
  standing: Pick<ShellStanding, 'sandboxed' | 'bounded'>
  /** All variables of a program that runs without a sandbox. */
  env: Readonly<Record<string, string>>
  /** Longest time for a command, in seconds; a call may ask for less. @default 60 */
  timeoutSeconds?: number
}

/** The tool that runs a command in the workspace. */
export function shellTool(init: ShellInit): Tool {
  const inSandbox = init.standing.sandboxed
  const { timeoutSeconds = SHELL_TIMEOUT_SECONDS } = init
  const input = z.strictObject({
    command: z.string().min(1).max(MAX_COMMAND_CHARS),
    seconds: z.int().min(1).max(timeoutSeconds).default(timeoutSeconds),
  })
  return {
    name: NAME,
    class: 'exec',
    description: inSandbox
      ? 'Runs a command of bash in the workspace, in a sandbox without a network.'
      : 'Runs one program with its words in the workspace. There is no shell: no pipes, no variables, no wildcards.',
    inputSchema: z.toJSONSchema(input),
    async plan(given) {
      const { command: text, seconds } = parsed(input, given, NAME)
      const { command, onceOnly, risk, why } = await judged(text, inSandbox)
      const argv = command.argv ?? (inSandbox ? (['bash', '-c', text] as const) : undefined)
      if (argv === undefined && risk !== 'dangerous') throw needsShell()
      return {
        risk,
        what: why === undefined ? `run ${text}` : `run ${text} (${why})`,
        key: text,
        onceOnly,
        run: (signal) => run(init, command, { seconds, signal }),
      }
    },
  }
}

async function run(
  { env, standing, workspace }: ShellInit,
  { argv, text }: ShellCommand,
  { seconds, signal }: { seconds: number; signal: AbortSignal },
): Promise<ToolOutput> {
  const timeout = AbortSignal.timeout(seconds * 1_000)
  const ending = AbortSignal.any([signal, timeout])
  const child = await startChild(
    standing.sandboxed
      ? {
          argv: sandboxed(argv ?? ['bash', '-c', text], { bounded: standing.bounded, workspace }),
          cwd: workspace,
          env: searchPath(),
        }
      : { argv: argv ?? refused(), cwd: workspace, env },
    ending,
  )
  child.stdin.end()
  const { cut, output } = await outputOf(child)
  const end = await child.ended
  signal.throwIfAborted()
  const how = timeout.aborted
    ? `ended after ${seconds} s`
    : cut
      ? `ended: it wrote more than ${MAX_SHELL_OUTPUT_BYTES} bytes`
      : `exit ${end.exitCode ?? end.signal ?? 'unknown'}`
  const errors = child.stderrTail === '' ? '' : `\n--- standard error\n${child.stderrTail}`
  const failed = end.exitCode !== 0 || cut
  return { text: `${how}\n${output}${errors}`, source: `the command ${text}`, failed }
}

/** What it writes, until it has ended or written too much, by which it is ended. */
async function outputOf(child: Child): Promise<{ output: string; cut: boolean }> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    if (bytes <= MAX_SHELL_OUTPUT_BYTES) chunks.push(chunk)
    bytes += chunk.length
    // What comes yet is read and dropped: a pipe that nobody reads would keep it from ending.
    if (bytes > MAX_SHELL_OUTPUT_BYTES) void child.stop()
  }
  const output = Buffer.concat(chunks).subarray(0, MAX_SHELL_OUTPUT_BYTES)
  return { output: output.toString(), cut: bytes > MAX_SHELL_OUTPUT_BYTES }
}

function refused(): never {
  throw needsShell()
}

function needsShell(): KithError<'bad-request'> {
  const message =
    'there is no shell here: one program with its words, without pipes, variables and wildcards'
  return new KithError('bad-request', message, { what: 'a command for a shell' })
}
